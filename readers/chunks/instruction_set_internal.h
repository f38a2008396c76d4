#pragma once

#include <string_view>
#include <vector>

namespace h5flume::chunks {

/// What the transposing kernels may use of the processor.
enum class InstructionSet { kPlain, kSse2, kAvx2, kAvx512, kNeon };  // kAvx512: F and BW

std::string_view to_string(InstructionSet set) noexcept;

/// Those which this build has kernels for and this machine executes, the fastest last.
std::vector<InstructionSet> instruction_sets();

/// The last of them, found out once.
InstructionSet best_instruction_set() noexcept;

}  // namespace h5flume::chunks
