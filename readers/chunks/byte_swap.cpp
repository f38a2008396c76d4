#include "readers/chunks/byte_swap.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace h5flume::chunks {
namespace {

template <class Unit, class Swap>
void swap_all(std::span<std::byte> bytes, Swap swap) noexcept {
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(Unit)) {
    Unit unit;
    std::memcpy(&unit, bytes.data() + i, sizeof unit);
    unit = swap(unit);
    std::memcpy(bytes.data() + i, &unit, sizeof unit);
  }
}

}  // namespace

void swap_bytes(std::span<std::byte> bytes, std::size_t unit_bytes) noexcept {
  switch (unit_bytes) {
    case 0:
    case 1:
      return;
    case 2:
      return swap_all<std::uint16_t>(bytes, [](auto unit) { return __builtin_bswap16(unit); });
    case 4:
      return swap_all<std::uint32_t>(bytes, [](auto unit) { return __builtin_bswap32(unit); });
    case 8:
      return swap_all<std::uint64_t>(bytes, [](auto unit) { return __builtin_bswap64(unit); });
    default:
      for (std::size_t i = 0; i + unit_bytes <= bytes.size(); i += unit_bytes) {
        std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                     bytes.begin() + static_cast<std::ptrdiff_t>(i + unit_bytes));
      }
  }
}

}  // namespace h5flume::chunks
