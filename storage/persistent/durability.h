#pragma once

namespace h5flume {

/// What an acknowledged change survives. An acknowledged change is one whose call has returned.
enum class Durability {
  kProcess,  ///< the death of any process at any moment, not the machine's
  kPower,    ///< that of the machine too: a change is on the disk when its call returns
  kBatched,  ///< as kPower once it is synchronised, which happens every so many changes; until then
             ///< it lives in this process alone, where it dies with it. For dicts
};

}  // namespace h5flume
