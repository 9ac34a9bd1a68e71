// Reads a .safetensors file: 8 bytes with the length of a JSON header, the header, and the tensors' bytes one after
// another.
#pragma once

#include <bcr/core/narrow.hpp>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

class safetensors {
 public:
  // Throws std::runtime_error, with a sentence, if there is no such file or if it is none of this format.
  explicit safetensors(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("The file " + path + " cannot be opened.");
    const std::vector<char> contents((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::uint64_t header_bytes = 0;  // little-endian in the file, and so must this machine be
    if (contents.size() >= sizeof header_bytes) std::memcpy(&header_bytes, contents.data(), sizeof header_bytes);
    if (contents.size() < sizeof header_bytes || contents.size() - sizeof header_bytes < header_bytes) {
      throw std::runtime_error("The file " + path + " is truncated or no .safetensors file.");
    }
    const auto header_begin = contents.begin() + sizeof header_bytes;
    const auto header_end = header_begin + static_cast<std::ptrdiff_t>(header_bytes);
    header_ = nlohmann::json::parse(header_begin, header_end);
    data_.assign(header_end, contents.end());
  }

  std::string metadata(const std::string& key) const { return header_.at("__metadata__").at(key); }
  std::vector<std::size_t> shape(const std::string& name) const { return header_.at(name).at("shape"); }

  // The tensor's elements in row-major order.
  std::vector<std::uint8_t> bytes(const std::string& name) const {
    const std::span<const char> raw = elements(name, "U8", 1);
    return {raw.begin(), raw.end()};
  }

  // The same for a tensor of numbers of sixteen bits, bfloat16 or float16.
  std::vector<float> floats(const std::string& name) const {
    if (header_.at(name).at("dtype") == "F16") return widened<bcr::f16>(name, "F16");
    return widened<bcr::bf16>(name, "BF16");
  }

 private:
  std::span<const char> elements(const std::string& name, const std::string& type, std::size_t element_bytes) const {
    const nlohmann::json& tensor = header_.at(name);
    const std::size_t begin = tensor.at("data_offsets").at(0), end = tensor.at("data_offsets").at(1);
    std::size_t expected = element_bytes;
    for (const std::size_t extent : shape(name)) expected *= extent;
    if (tensor.at("dtype") != type || begin > end || end > data_.size() || end - begin != expected) {
      throw std::runtime_error("The tensor " + name + " is not of the type or size that was expected.");
    }
    return std::span(data_).subspan(begin, expected);
  }

  template <class Narrow>
  std::vector<float> widened(const std::string& name, const std::string& type) const {
    const std::span<const char> raw = elements(name, type, sizeof(Narrow));
    std::vector<float> values(raw.size() / sizeof(Narrow));
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, raw.data() + sizeof bits * i, sizeof bits);
      values[i] = float(Narrow::from_bits(bits));
    }
    return values;
  }

  nlohmann::json header_;
  std::vector<char> data_;
};
