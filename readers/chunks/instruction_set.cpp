#include "readers/chunks/instruction_set_internal.h"

namespace h5flume::chunks {
namespace {

InstructionSet find_best() noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
    return InstructionSet::kAvx512;
  }
  return __builtin_cpu_supports("avx2") ? InstructionSet::kAvx2 : InstructionSet::kSse2;
#elif defined(__aarch64__)
  return InstructionSet::kNeon;
#else
  return InstructionSet::kPlain;
#endif
}

}  // namespace

std::string_view to_string(InstructionSet set) noexcept {
  switch (set) {
    case InstructionSet::kPlain:
      return "plain";
    case InstructionSet::kSse2:
      return "SSE2";
    case InstructionSet::kAvx2:
      return "AVX2";
    case InstructionSet::kAvx512:
      return "AVX-512";
    case InstructionSet::kNeon:
      return "NEON";
  }
  return "unknown";
}

std::vector<InstructionSet> instruction_sets() {
  switch (best_instruction_set()) {
    case InstructionSet::kPlain:
      return {InstructionSet::kPlain};
    case InstructionSet::kSse2:
      return {InstructionSet::kPlain, InstructionSet::kSse2};
    case InstructionSet::kAvx2:
      return {InstructionSet::kPlain, InstructionSet::kSse2, InstructionSet::kAvx2};
    case InstructionSet::kAvx512:
      return {InstructionSet::kPlain, InstructionSet::kSse2, InstructionSet::kAvx2,
              InstructionSet::kAvx512};
    case InstructionSet::kNeon:
      return {InstructionSet::kPlain, InstructionSet::kNeon};
  }
  return {};
}

InstructionSet best_instruction_set() noexcept {
  static const InstructionSet best = find_best();
  return best;
}

}  // namespace h5flume::chunks
