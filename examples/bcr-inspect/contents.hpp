// What a file of packed weights holds, whatever its block and type of number: the library's templates are of no use
// here.
#pragma once

#include <bcr/format/blob.hpp>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "picture.hpp"

struct named_size {
  std::string name;
  std::size_t size;
};

struct contents {
  bcr::blob_kind kind;
  bcr::blob_matrix matrix;
  std::uint32_t version;
  std::uint64_t checksum;
  std::size_t bytes;
  std::vector<named_size> counts;    // of the parts of its layout
  std::vector<named_size> sections;  // in bytes
  picture pattern;

  double density() const;
};

// A layer's weights in the file of a network.
struct layer_contents {
  std::string name, form;  // "panels 4x16", "bands 16x64" or "dense"
  std::size_t rows, columns, kept, bytes;
};
struct network_contents {
  std::string name;
  bcr::value_type type;
  std::uint32_t version;
  std::uint64_t checksum;
  std::size_t bytes;
  std::vector<layer_contents> layers;
};

// Of a matrix's file, of a network's, or of one layer of that, which has packed weights. Throws std::runtime_error,
// with a sentence, if the file cannot be read or if anything is wrong with it.
std::variant<contents, network_contents> read_contents(const std::string& path, const std::string& layer = {});

std::string name_of(bcr::value_type type);
