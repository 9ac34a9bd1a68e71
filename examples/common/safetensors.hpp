// Reads and writes .safetensors files: 8 bytes with the length of a JSON header, the header, and the tensors' bytes one
// after another.
#pragma once

#include <bcr/core/narrow.hpp>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

class safetensors {
 public:
  // Throws std::runtime_error, with a sentence, if there is no such file or if it is none of this format.
  explicit safetensors(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("The file " + path + " cannot be opened.");
    const auto file_bytes = static_cast<std::uint64_t>(file.tellg());
    std::uint64_t header_bytes = 0;  // little-endian in the file, and so must this machine be
    file.seekg(0);
    file.read(reinterpret_cast<char*>(&header_bytes), sizeof header_bytes);
    if (!file || file_bytes - sizeof header_bytes < header_bytes) {
      throw std::runtime_error("The file " + path + " is truncated or no .safetensors file.");
    }
    std::string header(header_bytes, '\0');
    file.read(header.data(), static_cast<std::streamsize>(header.size()));
    header_ = nlohmann::json::parse(header, nullptr, false);
    data_.resize(file_bytes - sizeof header_bytes - header_bytes);
    file.read(data_.data(), static_cast<std::streamsize>(data_.size()));
    if (!file || !header_.is_object()) {
      throw std::runtime_error("The file " + path + " is truncated or no .safetensors file.");
    }
  }

  std::string metadata(const std::string& key) const { return header_.at("__metadata__").at(key); }
  bool contains(const std::string& name) const { return name != "__metadata__" && header_.contains(name); }
  std::vector<std::size_t> shape(const std::string& name) const { return header_.at(name).at("shape"); }

  // The tensor's elements in row-major order.
  std::vector<std::uint8_t> bytes(const std::string& name) const {
    const std::span<const char> raw = elements(name, "U8", 1);
    return {raw.begin(), raw.end()};
  }

  // The same for a tensor of floats, or of numbers of sixteen bits, bfloat16 or float16.
  std::vector<float> floats(const std::string& name) const {
    if (header_.at(name).at("dtype") == "F32") {
      const std::span<const char> raw = elements(name, "F32", sizeof(float));
      std::vector<float> values(raw.size() / sizeof(float));
      if (!values.empty()) std::memcpy(values.data(), raw.data(), raw.size());
      return values;
    }
    if (header_.at(name).at("dtype") == "F16") return widened<bcr::f16>(name, "F16");
    return widened<bcr::bf16>(name, "BF16");
  }

 private:
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

  nlohmann::json header_;
  std::vector<char> data_;
};

// Writes tensors of floats by name, each as a vector. Throws std::runtime_error, with a sentence, if that fails.
inline void save_safetensors(const std::string& path,
                             const std::map<std::string, std::vector<float>, std::less<>>& all) {
  nlohmann::json header;
  std::size_t end = 0;
  for (const auto& [name, values] : all) {
    const std::size_t begin = std::exchange(end, end + values.size() * sizeof(float));
    header[name] = {{"dtype", "F32"}, {"shape", {values.size()}}, {"data_offsets", {begin, end}}};
  }
  const std::string text = header.dump();
  const std::uint64_t header_bytes = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&header_bytes), sizeof header_bytes);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const auto& [name, values] : all) {
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
  }
  if (!file.flush()) throw std::runtime_error("The file " + path + " cannot be written.");
}
