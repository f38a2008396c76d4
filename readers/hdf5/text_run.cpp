#include <algorithm>

#include "readers/hdf5/memory_type_internal.h"

namespace h5flume::hdf5 {
namespace {

void finish_string(const TextRun& run, std::byte* at) noexcept {
  char* const begin = reinterpret_cast<char*>(at);
  char* const end = begin + run.size;
  char* text_end = end;
  if (run.padding == TextRun::Padding::kFirstNul) {
    text_end = std::find(begin, end, '\0');
  } else {
    while (text_end != begin && text_end[-1] == ' ') --text_end;
  }
  std::fill(text_end, end, '\0');
}

void finish_run(const TextRun& run, std::span<const TextRun::Loop> loops, std::byte* at) noexcept {
  if (loops.empty()) return finish_string(run, at);
  for (std::size_t i = 0; i < loops[0].count; ++i) {
    finish_run(run, loops.subspan(1), at + i * loops[0].stride);
  }
}

}  // namespace

void finish_text(const MemoryType& type, std::span<std::byte> bytes) noexcept {
  const std::size_t size = type.element.value_size();
  if (type.text.empty() || size == 0) return;
  for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
    for (const TextRun& run : type.text) finish_run(run, run.loops, bytes.data() + at);
  }
}

}  // namespace h5flume::hdf5
