#include "storage/mapped/index_writer.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.h"
#include "storage/mapped/external_sorter.h"
#include "storage/mapped/packer.h"

namespace h5flume::mapped {
namespace {

// Notes where the entries of each range of hashes begin, as they come by in order.
class DirectoryWriter {
 public:
  DirectoryWriter(const ContainerWriter& container, std::uint64_t entry_count,
                  std::size_t entry_bytes)
      : bits_(Directory::bits_for(entry_count, entry_bytes)), starts_(container.spill()) {}

  void pass(std::uint64_t hash) {
    const std::uint64_t bucket = bits_ == 0 ? 0 : hash >> (64U - bits_);
    begin_buckets(bucket + 1);
    ++entries_;
  }

  // The starts waited as 8 bytes each; whether they fit into 4 is known only now.
  void finish(ContainerWriter& container) {
    begin_buckets((std::uint64_t{1} << bits_) + 1);
    starts_.flush();
    container.begin(SectionKind::kDirectory);
    const std::size_t bytes_each = Directory::start_bytes(entries_);
    std::vector<std::uint64_t> part(std::size_t{1} << 14U);
    for (std::uint64_t at = 0; at < begun_; at += part.size()) {
      part.resize(std::min<std::uint64_t>(part.size(), begun_ - at));
      starts_.read_at(at * sizeof part[0], std::as_writable_bytes(std::span(part)));
      for (const auto& start : part) {
        container.append(std::as_bytes(std::span(&start, 1)).first(bytes_each));
      }
    }
  }

 private:
  void begin_buckets(std::uint64_t count) {
    for (; begun_ < count; ++begun_) starts_.append(std::as_bytes(std::span(&entries_, 1)));
  }

  unsigned bits_;
  SpillFile starts_;
  std::uint64_t begun_ = 0;  // buckets
  std::uint64_t entries_ = 0;
};

// Writes entries that come in order, and decides about those that have the same key.
template <class Entry>
class EntryStream {
 public:
  EntryStream(ContainerWriter& container, std::uint64_t most_entries, Repeats repeats)
      : container_(container),
        directory_(container, most_entries, sizeof(Entry)),
        repeats_(repeats) {
    container_.begin(SectionKind::kEntries);
  }

  // `repeated`: it has the key of the one before. `name_key` is asked for a message.
  template <class NameKey>
  void take(const Entry& entry, std::uint64_t hash, bool repeated, NameKey&& name_key) {
    if (repeated && repeats_ == Repeats::kRefuse) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("build a map: the key {} comes more than once", name_key()));
    }
    if (repeated && repeats_ == Repeats::kKeepFirst) return;
    if (!repeated) ++counts_.keys;
    if (!repeated || repeats_ == Repeats::kKeepAll) write_pending();
    pending_ = entry;
    pending_hash_ = hash;
  }

  IndexCounts finish() {
    write_pending();
    directory_.finish(container_);
    return counts_;
  }

 private:
  void write_pending() {
    if (!pending_) return;
    directory_.pass(pending_hash_);
    container_.append(std::as_bytes(std::span(&*pending_, 1)));
    ++counts_.entries;
    pending_.reset();
  }

  ContainerWriter& container_;
  DirectoryWriter directory_;
  Repeats repeats_;
  std::optional<Entry> pending_;
  std::uint64_t pending_hash_ = 0;
  IndexCounts counts_;
};

}  // namespace

Repeats repeats_of(DuplicateKeys policy) noexcept {
  switch (policy) {
    case DuplicateKeys::kKeepFirst:
      return Repeats::kKeepFirst;
    case DuplicateKeys::kKeepLast:
      return Repeats::kKeepLast;
    case DuplicateKeys::kRefuse:
      break;
  }
  return Repeats::kRefuse;
}

// --- integers ------------------------------------------------------------------------------------

namespace {

struct ByHash {
  IntegerIndexWriter::Order order;

  std::uint64_t hash(const IntegerEntry& entry) const noexcept {
    return order == IntegerIndexWriter::Order::kByKey ? entry.key : hash_of(entry.key);
  }
  bool operator()(const IntegerEntry& one, const IntegerEntry& other) const noexcept {
    return hash(one) < hash(other);
  }
};

}  // namespace

struct IntegerIndexWriter::State {
  ContainerWriter& container;
  ByHash order;
  ExternalSorter<IntegerEntry, ByHash> sorter;
};

IntegerIndexWriter::IntegerIndexWriter(ContainerWriter& container, Order order,
                                       std::size_t memory_bytes)
    : state_(new State{container, {order}, {container.folder(), memory_bytes, ByHash{order}}}) {}

IntegerIndexWriter::IntegerIndexWriter(IntegerIndexWriter&&) noexcept = default;
IntegerIndexWriter::~IntegerIndexWriter() = default;

void IntegerIndexWriter::add(std::uint64_t key, std::uint64_t value) {
  state_->sorter.add({key, value});
}

IndexCounts IntegerIndexWriter::finish(Repeats repeats) && {
  State& state = *state_;
  EntryStream<IntegerEntry> stream(state.container, state.sorter.size(), repeats);
  std::optional<std::uint64_t> before;
  std::move(state.sorter).drain([&](const IntegerEntry& entry) {
    stream.take(entry, state.order.hash(entry), before == entry.key,
                [&] { return std::to_string(entry.key); });
    before = entry.key;
  });
  return stream.finish();
}

// --- texts ---------------------------------------------------------------------------------------

namespace {

// The keys that have no room in their entries, while the entries are being sorted.
class KeyHeap {
 public:
  KeyHeap(const ContainerWriter& container, std::size_t memory_bytes)
      : file_(container.spill()), most_known_(memory_bytes / kBytesKnown) {}

  // Writes the slot of a key. One that came not long ago is not stored again.
  void write(std::uint64_t hash, std::string_view key, std::byte* slot) {
    Packer packer(file_.size());
    write_bytes(packer, slot, as_raw(key));
    if (packer.bytes().empty()) return;
    if (known_.size() >= most_known_) known_.clear();
    const auto [known, is_new] = known_.try_emplace(hash);
    if (!is_new && text_at(known->second.data()) == key) {
      std::memcpy(slot, known->second.data(), kTextSlotBytes);
      return;
    }
    file_.append(packer.bytes());
    std::memcpy(known->second.data(), slot, kTextSlotBytes);
  }

  // The key of a slot, valid until the call after the next.
  std::string_view text_at(const std::byte* slot) const {
    if (load<std::uint8_t>(slot + kMostInside) <= kMostInside) {
      return {reinterpret_cast<const char*>(slot), load<std::uint8_t>(slot + kMostInside)};
    }
    std::string& text = texts_[next_text_++ % texts_.size()];
    text.resize(load<std::uint64_t>(slot + 8) & kMostOutside);
    file_.read_at(load<std::uint64_t>(slot), std::as_writable_bytes(std::span(text)));
    return text;
  }

  int compare(const TextEntry& one, const TextEntry& other) const {
    if (std::memcmp(one.slot, other.slot, kTextSlotBytes) == 0) return 0;
    const auto first = text_at(one.slot);
    return first.compare(text_at(other.slot));
  }

  SpillFile& file() noexcept { return file_; }

 private:
  static constexpr std::size_t kBytesKnown = 64;  // what a known key takes in memory, about

  SpillFile file_;
  std::size_t most_known_;
  std::unordered_map<std::uint64_t, std::array<std::byte, kTextSlotBytes>> known_;
  mutable std::array<std::string, 2> texts_;
  mutable std::size_t next_text_ = 0;
};

struct ByHashThenText {
  const KeyHeap* heap;

  bool operator()(const TextEntry& one, const TextEntry& other) const {
    if (one.hash != other.hash) return one.hash < other.hash;
    return heap->compare(one, other) < 0;
  }
};

}  // namespace

struct TextIndexWriter::State {
  ContainerWriter& container;
  KeyHeap heap;
  ExternalSorter<TextEntry, ByHashThenText> sorter;

  State(ContainerWriter& to, std::size_t memory_bytes)
      : container(to),
        heap(to, memory_bytes / 4),
        sorter(to.folder(), memory_bytes - memory_bytes / 4, ByHashThenText{&heap}) {}
};

TextIndexWriter::TextIndexWriter(ContainerWriter& container, std::size_t memory_bytes)
    : state_(std::make_unique<State>(container, memory_bytes)) {}

TextIndexWriter::TextIndexWriter(TextIndexWriter&&) noexcept = default;
TextIndexWriter::~TextIndexWriter() = default;

void TextIndexWriter::add(std::string_view key, std::uint64_t value) {
  TextEntry entry{.hash = hash_of(as_raw(key)), .value = value};
  state_->heap.write(entry.hash, key, entry.slot);
  state_->sorter.add(entry);
}

IndexCounts TextIndexWriter::finish(Repeats repeats) && {
  State& state = *state_;
  EntryStream<TextEntry> stream(state.container, state.sorter.size(), repeats);
  std::optional<TextEntry> before;
  std::move(state.sorter).drain([&](const TextEntry& entry) {
    const bool repeated =
        before && before->hash == entry.hash && state.heap.compare(*before, entry) == 0;
    stream.take(entry, entry.hash, repeated,
                [&] { return fmt::format("'{}'", state.heap.text_at(entry.slot)); });
    before = entry;
  });
  const IndexCounts counts = stream.finish();
  state.container.add(SectionKind::kKeyHeap, state.heap.file());
  return counts;
}

}  // namespace h5flume::mapped
