#include "readers/hdf5/text_run.h"

#include <algorithm>

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

void pad_text(std::span<const TextRun> text, std::size_t element_bytes,
              std::span<std::byte> bytes) noexcept {
  if (text.empty() || element_bytes == 0) return;
  for (std::size_t at = 0; at + element_bytes <= bytes.size(); at += element_bytes) {
    for (const TextRun& run : text) finish_run(run, run.loops, bytes.data() + at + run.offset);
  }
}

}  // namespace h5flume::hdf5
