#include "tests/readers/chunks/encoders.h"

#include <blosc.h>
#include <libaec.h>
#include <lz4.h>
#include <lzf.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace h5flume::test {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("encoder: ") + what);
}

void append_be(Bytes& bytes, std::uint64_t value, int width) {
  for (int i = width - 1; i >= 0; --i) bytes.push_back(static_cast<std::byte>(value >> 8 * i));
}

void append_le32(Bytes& bytes, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(value >> 8 * i));
}

void append(Bytes& bytes, const Bytes& more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

Bytes slice(const Bytes& data, std::size_t at, std::size_t count) {
  return Bytes(data.begin() + static_cast<std::ptrdiff_t>(at),
               data.begin() + static_cast<std::ptrdiff_t>(at + count));
}

Bytes deflated(const Bytes& data, int level) {
  uLongf size = compressBound(data.size());
  Bytes out(size);
  require(compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                    reinterpret_cast<const Bytef*>(data.data()), data.size(), level) == Z_OK,
          "zlib");
  out.resize(size);
  return out;
}

// H5_checksum_fletcher32, one word at a time.
Bytes with_checksum(Bytes data) {
  std::uint64_t sum1 = 0, sum2 = 0;
  const auto fold = [](std::uint64_t& sum) {
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  };
  for (std::size_t i = 0; i < data.size(); i += 2) {
    sum1 += std::to_integer<std::uint64_t>(data[i]) << 8;
    if (i + 1 < data.size()) sum1 += std::to_integer<std::uint64_t>(data[i + 1]);
    fold(sum1);
    sum2 += sum1;
    fold(sum2);
  }
  append_le32(data, static_cast<std::uint32_t>(sum2 << 16 | sum1));
  return data;
}

// As libaec's SZ_BufftoBuffCompress does it.
Bytes szipped(const hdf5::Filter& filter, const Bytes& data) {
  const std::size_t block = filter.values[1], line = filter.values[3];
  const std::uint32_t bits = filter.values[2];
  const bool wide = bits > 16;
  const Bytes pixels = wide ? shuffled(data, bits / 8) : data;
  const std::size_t pixel_bytes = !wide && bits > 8 ? 2 : 1;
  const std::size_t line_bytes = line * pixel_bytes;
  const std::size_t blocks = (line + block - 1) / block;

  Bytes padded;
  for (std::size_t at = 0; at < pixels.size(); at += line_bytes) {
    const auto part = slice(pixels, at, std::min(line_bytes, pixels.size() - at));
    append(padded, part);
    for (std::size_t i = part.size(); i < blocks * block * pixel_bytes; ++i) {
      padded.push_back(part[part.size() - pixel_bytes + i % pixel_bytes]);
    }
  }

  Bytes out(2 * padded.size() + 1024);
  aec_stream stream = {};
  stream.next_in = reinterpret_cast<const unsigned char*>(padded.data());
  stream.avail_in = padded.size();
  stream.next_out = reinterpret_cast<unsigned char*>(out.data());
  stream.avail_out = out.size();
  stream.bits_per_sample = wide ? 8 : bits;
  stream.block_size = static_cast<unsigned>(block);
  stream.rsi = static_cast<unsigned>(blocks);
  stream.flags = AEC_NOT_ENFORCE | ((filter.values[0] & 32) != 0 ? AEC_DATA_PREPROCESS : 0) |
                 ((filter.values[0] & 16) != 0 ? AEC_DATA_MSB : 0);
  require(aec_buffer_encode(&stream) == AEC_OK, "libaec");
  out.resize(stream.total_out);

  Bytes chunk;
  append_le32(chunk, static_cast<std::uint32_t>(data.size()));
  append(chunk, out);
  return chunk;
}

Bytes lzf_compressed(const Bytes& data) {
  Bytes out(data.size() + data.size() / 16 + 64);
  const unsigned size = lzf_compress(data.data(), static_cast<unsigned>(data.size()), out.data(),
                                     static_cast<unsigned>(out.size()));
  require(size != 0, "liblzf");
  out.resize(size);
  return out;
}

Bytes blosc_compressed(const Bytes& data, std::size_t element_bytes, int shuffle) {
  Bytes out(data.size() + BLOSC_MAX_OVERHEAD);
  const int size = blosc_compress_ctx(5, shuffle, element_bytes, data.size(), data.data(),
                                      out.data(), out.size(), "lz4", 0, 1);
  require(size > 0, "blosc");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Bytes lz4_block(const Bytes& data) {
  Bytes out(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(data.size()))));
  const int size = LZ4_compress_default(
      reinterpret_cast<const char*>(data.data()), reinterpret_cast<char*>(out.data()),
      static_cast<int>(data.size()), static_cast<int>(out.size()));
  require(size > 0, "lz4");
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Bytes lz4_compressed(const Bytes& data, std::size_t block_bytes) {
  if (block_bytes == 0 || block_bytes > data.size()) block_bytes = data.size();
  Bytes out;
  append_be(out, data.size(), 8);
  append_be(out, block_bytes, 4);
  for (std::size_t at = 0; at < data.size(); at += block_bytes) {
    const Bytes block = slice(data, at, std::min(block_bytes, data.size() - at));
    Bytes stored = lz4_block(block);
    if (stored.size() >= block.size()) stored = block;
    append_be(out, stored.size(), 4);
    append(out, stored);
  }
  return out;
}

Bytes zstd_compressed(const Bytes& data) {
  Bytes out(ZSTD_compressBound(data.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3);
  require(ZSTD_isError(size) == 0, "zstd");
  out.resize(size);
  return out;
}

Bytes bitshuffled(const hdf5::Filter& filter, const Bytes& data) {
  const std::size_t element_bytes = filter.values[2];
  std::size_t block = filter.values[3];
  if (block == 0) block = std::max<std::size_t>(8192 / element_bytes / 8 * 8, 128);
  const auto with = static_cast<BitshuffleWith>(filter.values[4]);
  require(data.size() % element_bytes == 0, "bitshuffle: whole elements");

  Bytes out;
  if (with != BitshuffleWith::kNothing) {
    append_be(out, data.size(), 8);
    append_be(out, block * element_bytes, 4);
  }
  std::size_t elements = data.size() / element_bytes;
  std::size_t at = 0;
  while (elements >= 8) {
    const std::size_t count = std::min(block, elements / 8 * 8);
    const Bytes bits = bitshuffled_block(slice(data, at, count * element_bytes), element_bytes);
    if (with == BitshuffleWith::kNothing) {
      append(out, bits);
    } else {
      const Bytes stored = with == BitshuffleWith::kLz4 ? lz4_block(bits) : zstd_compressed(bits);
      append_be(out, stored.size(), 4);
      append(out, stored);
    }
    at += count * element_bytes;
    elements -= count;
  }
  append(out, slice(data, at, data.size() - at));
  return out;
}

}  // namespace

Bytes sample_bytes(std::size_t count, std::mt19937_64& random) {
  Bytes bytes(count);
  std::uint32_t value = static_cast<std::uint32_t>(random());
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 4 == 0) value += static_cast<std::uint32_t>(random() % 300);
    bytes[i] = static_cast<std::byte>(value >> 8 * (i % 4));
  }
  return bytes;
}

Bytes random_bytes(std::size_t count, std::mt19937_64& random) {
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

hdf5::Filter deflate_filter(std::uint32_t level) { return {1, "gzip", {level}}; }
hdf5::Filter shuffle_filter(std::uint32_t element_bytes) { return {2, "shuffle", {element_bytes}}; }
hdf5::Filter fletcher32_filter() { return {3, "fletcher32", {}}; }
hdf5::Filter szip_filter(std::uint32_t bits_per_pixel, std::uint32_t pixels_per_block,
                         std::uint32_t pixels_per_scanline, bool nearest_neighbour) {
  const std::uint32_t options = 128 + 8 + (nearest_neighbour ? 32 : 4);
  return {4, "szip", {options, pixels_per_block, bits_per_pixel, pixels_per_scanline}};
}
hdf5::Filter lzf_filter(std::uint32_t chunk_bytes) { return {32000, "lzf", {4, 261, chunk_bytes}}; }
hdf5::Filter blosc_filter(std::uint32_t element_bytes, std::uint32_t shuffle) {
  return {32001, "blosc", {2, 2, element_bytes, 0, 5, shuffle, 1}};
}
hdf5::Filter lz4_filter(std::uint32_t block_bytes) { return {32004, "lz4", {block_bytes}}; }
hdf5::Filter bitshuffle_filter(std::uint32_t element_bytes, BitshuffleWith with,
                               std::uint32_t block_elements) {
  return {
      32008, "bitshuffle", {0, 4, element_bytes, block_elements, static_cast<std::uint32_t>(with)}};
}
hdf5::Filter zstd_filter() { return {32015, "zstd", {3}}; }

Bytes encode(const hdf5::Filter& filter, const Bytes& data) {
  switch (filter.id) {
    case 1:
      return deflated(data, static_cast<int>(filter.values[0]));
    case 2:
      return shuffled(data, filter.values[0]);
    case 3:
      return with_checksum(data);
    case 4:
      return szipped(filter, data);
    case 32000:
      return lzf_compressed(data);
    case 32001:
      return blosc_compressed(data, filter.values[2], static_cast<int>(filter.values[5]));
    case 32004:
      return lz4_compressed(data, filter.values[0]);
    case 32008:
      return bitshuffled(filter, data);
    case 32015:
      return zstd_compressed(data);
    default:
      throw std::runtime_error("encoder: no such filter");
  }
}

Bytes encode(const std::vector<hdf5::Filter>& filters, Bytes data, std::uint32_t filter_mask) {
  for (std::size_t i = 0; i < filters.size(); ++i) {
    if ((filter_mask >> i & 1) == 0) data = encode(filters[i], data);
  }
  return data;
}

Bytes shuffled(const Bytes& data, std::size_t element_bytes) {
  const std::size_t count = data.size() / element_bytes;
  Bytes out = data;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < element_bytes; ++k) {
      out[k * count + i] = data[i * element_bytes + k];
    }
  }
  return out;
}

Bytes bitshuffled_block(const Bytes& data, std::size_t element_bytes) {
  const std::size_t count = data.size() / element_bytes;
  Bytes out(data.size());
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t bit = 0; bit < 8 * element_bytes; ++bit) {
      const auto byte = std::to_integer<unsigned>(data[i * element_bytes + bit / 8]);
      if ((byte >> bit % 8 & 1) != 0) {
        out[bit * (count / 8) + i / 8] |= static_cast<std::byte>(1u << i % 8);
      }
    }
  }
  return out;
}

}  // namespace h5flume::test
