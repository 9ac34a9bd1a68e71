// What a file of packed weights holds, whatever its block and type of number: the library's templates are of no use
// here.
#pragma once

#include <bcr/format/blob.hpp>
#include <string>
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

// Throws std::runtime_error, with a sentence, if the file cannot be read or if anything is wrong with it.
contents read_contents(const std::string& path);

std::string name_of(bcr::value_type type);
