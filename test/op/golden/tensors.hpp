// Reads the tensors that make_cells.py has written.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace bcr::test {

struct tensor {
  std::vector<std::size_t> shape;
  std::vector<double> elements;

  template <class T>
  std::vector<T> as() const {
    return std::vector<T>(elements.begin(), elements.end());
  }
};

class tensor_file {
 public:
  explicit tensor_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    REQUIRE(!bytes.empty());
    const char* at = bytes.data();
    const auto take = [&](auto kind) {
      REQUIRE(static_cast<std::size_t>(bytes.data() + bytes.size() - at) >= sizeof kind);
      std::memcpy(&kind, at, sizeof kind);
      at += sizeof kind;
      return kind;
    };
    const auto take_name = [&] {
      std::string name(take(std::uint32_t()), ' ');
      for (char& letter : name) letter = take(char());
      return name;
    };
    for (std::string name = take_name(); !name.empty(); name = take_name()) {
      tensor& t = all_[name];
      std::size_t count = 1;
      for (auto extents = take(std::uint32_t()); extents != 0; --extents) {
        t.shape.push_back(take(std::uint32_t()));
        count *= t.shape.back();
      }
      const bool is_float = take(std::uint32_t()) == 4;
      for (; count != 0; --count) t.elements.push_back(is_float ? static_cast<double>(take(float())) : take(double()));
    }
  }

  bool has(const std::string& name) const { return all_.contains(name); }
  const tensor& operator[](const std::string& name) const {
    INFO(name);
    REQUIRE(has(name));
    return all_.at(name);
  }

 private:
  std::map<std::string, tensor> all_;
};

}  // namespace bcr::test
