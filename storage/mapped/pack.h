#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "storage/mapped/types.h"

namespace h5flume::mapped {

/// What a packed object begins with; see docs/mapped-containers.md.
constexpr std::size_t kPackedHeaderBytes = 40;

namespace detail {

/// Writes the header over the first bytes of a packed object, all of which is `object`.
void seal_packed(std::span<std::byte> object, const SchemaDigest& digest);

/// The packed object at `offset`. Throws kCorruptData if there is none, kUnsupported if it was
/// packed by another schema; the message names `wanted`.
std::span<const std::byte> open_packed(std::span<const std::byte> buffer, std::size_t offset,
                                       std::size_t record_bytes, const SchemaDigest& digest,
                                       const Schema& wanted);

/// Whether `bytes` begin as an object that was packed by a schema of this digest.
bool is_packed_by(std::span<const std::byte> bytes, const SchemaDigest& digest) noexcept;

const std::string& packed_name();

template <Fielded T>
const SchemaDigest& digest_of_type() {
  static const SchemaDigest digest = digest_of(schema_of<T>());
  return digest;
}

/// The plan for what this program has packed itself.
template <class T>
const ReadPlan& own_plan() {
  static const ReadPlan plan(schema_of<T>(), schema_of<T>());
  return plan;
}

}  // namespace detail

/// One struct as bytes that can be looked at, sent or kept: a header, the record, and what belongs
/// to it. Equal structs make equal bytes. Throws kInvalidArgument for a text that is not UTF-8.
///
/// The bytes know the digest of their schema, not the schema itself: they are read by the same
/// fields only. A container knows its schema.
template <Fielded T>
std::vector<std::byte> pack(const T& value) {
  std::vector<std::byte> record(kPackedHeaderBytes + Codec<T>::kBytes);
  Packer packer(record.size());
  Codec<T>::write(packer, record.data() + kPackedHeaderBytes, value);
  record.insert(record.end(), packer.bytes().begin(), packer.bytes().end());
  detail::seal_packed(record, detail::digest_of_type<T>());
  return record;
}

/// The same for what a view shows.
template <Fielded T>
std::vector<std::byte> pack(const View<T>& view) {
  return pack(view.clone());
}

/// Packs into `buffer`, from `offset` on. Returns the number of bytes written. Throws
/// kInvalidArgument, with the buffer as it was, if they do not fit.
template <class T>
std::size_t pack_into(const T& value, std::span<std::byte> buffer, std::size_t offset = 0) {
  const auto object = pack(value);
  if (offset > buffer.size() || object.size() > buffer.size() - offset) {
    throw Error(ErrorCode::kInvalidArgument,
                "pack " + std::to_string(object.size()) + " bytes at offset " +
                    std::to_string(offset) + " of a buffer of " + std::to_string(buffer.size()));
  }
  std::memcpy(buffer.data() + offset, object.data(), object.size());
  return object.size();
}

/// Looks at a packed object where it lies. The buffer must outlive the view. Throws kCorruptData if
/// there is no whole object at `offset`, kUnsupported if its fields are not those of T.
template <Fielded T>
View<T> unpack_from(std::span<const std::byte> buffer, std::size_t offset = 0) {
  const auto object = detail::open_packed(buffer, offset, Codec<T>::kBytes,
                                          detail::digest_of_type<T>(), schema_of<T>());
  return View<T>(Region(object, detail::packed_name()), object.data() + kPackedHeaderBytes,
                 detail::own_plan<T>().root());
}

// --- structs in any-fields -----------------------------------------------------------------------

/// A struct as the value of an any-field: its packed bytes, which know what they were packed from.
template <Fielded T>
Any to_any(const T& value) {
  return {pack(value)};
}

/// Whether an any-field holds a struct with just the fields of T. A struct of the same name and
/// other fields is another one.
template <Fielded T>
bool holds(const AnyView& any) {
  return any.alternative() == AnyView::place_of<Any::Bytes>() &&
         detail::is_packed_by(any.as<Any::Bytes>(), detail::digest_of_type<T>());
}

/// Looks at the struct in an any-field. Throws kInvalidArgument if it holds no bytes, otherwise as
/// unpack_from() of these does.
template <Fielded T>
View<T> unpack_from(const AnyView& any) {
  return unpack_from<T>(any.as<Any::Bytes>());
}

/// A view of a fresh T{}.
template <Fielded T>
View<T> default_view() {
  static const std::vector<std::byte> packed = pack(T{});
  return unpack_from<T>(packed);
}

}  // namespace h5flume::mapped
