// The saved form of a network's weights: a blob (format/blob.hpp) whose sections are those of the layers, with a table
// of the layers before them.
//
//   section 1            one network_id
//   section 2            a saved_layer for each layer with weights, as many as there are
//   section 3            names: the network's and then the layers', with nothing between them
//   sections 16 + 2 i    the weights of the table's layer i: packed, a blob within the blob; or dense, row by row
//            17 + 2 i    and its bias, a number for every row
//
// This header sees to it that the table is consistent and that every layer's sections are there and as long as they
// have to be. Which layers a network has is for net/ to compare, and packed weights are checked by who opens them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"

namespace bcr {

// How a layer's weights are kept: all of them, or packed for products with matrices or with vectors.
enum class weights_form : std::uint32_t { none = 0, dense = 1, panels = 2, bands = 3 };

struct network_id {
  std::uint64_t description;  // a number that follows from what the network is: net/form.hpp
  std::uint64_t name_bytes;
};
struct saved_layer {
  std::uint32_t number;  // of the layer, in the network's description
  weights_form form;
  std::uint32_t name_begin, name_bytes;  // among the names
  std::uint64_t rows, columns;
};

enum class network_section : std::uint32_t { id = 1, layers = 2, names = 3, first_part = 16 };

// Networks compute in float or double, and their blobs have nothing to say about blocks.
template <class T>
inline constexpr blob_kind network_blob_kind{1, 1, value_type_of<T>::value, blob_layout::network};

constexpr std::uint32_t weights_section(std::size_t layer) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::size_t>(network_section::first_part) + 2 * layer);
}
constexpr std::uint32_t bias_section(std::size_t layer) noexcept { return weights_section(layer) + 1; }

// A saved network in memory that somebody else owns; what was said of blob_view holds.
class saved_network {
 public:
  // Checks the table, and that the sections are those of its layers. Fails with foreign if these are the packed weights
  // of a single matrix or of numbers that no network has, and with corrupt.
  BCR_COLD static result<saved_network> open(const blob_view& blob) noexcept {
    const blob_kind& kind = blob.kind();
    if (kind.layout != blob_layout::network) {
      return {errc::foreign, "The packed weights are those of a single matrix, not of a network."};
    }
    if (kind.type != value_type::f32 && kind.type != value_type::f64) {
      return {errc::foreign, "The packed weights of the network are of a type that no network has."};
    }
    if (kind.block_rows != 1 || kind.block_columns != 1 || blob.matrix() != blob_matrix{}) return contradiction();
    const auto id = blob.section<network_id>(static_cast<std::uint32_t>(network_section::id), 1);
    const auto layers = blob.section<saved_layer>(static_cast<std::uint32_t>(network_section::layers));
    const auto names = blob.section<char>(static_cast<std::uint32_t>(network_section::names));
    if (!id) return id.status();
    if (!layers) return layers.status();
    if (!names) return names.status();
    saved_network made(blob);
    made.id_ = (*id)[0];
    made.layers_ = *layers;
    made.names_ = {names->data(), names->size()};
    if (blob.sections().size() != fixed_sections + 2 * made.layers_.size()) return contradiction();
    std::uint64_t name_end = made.id_.name_bytes;
    if (name_end > made.names_.size()) return contradiction();
    for (std::size_t i = 0; i < made.layers_.size(); ++i) {
      const saved_layer& l = made.layers_[i];
      if (l.name_begin != name_end || !made.check_layer(i)) return contradiction();
      name_end += l.name_bytes;
    }
    if (name_end != made.names_.size()) return contradiction();
    return made;
  }

  value_type type() const noexcept { return blob_.kind().type; }
  const blob_view& blob() const noexcept { return blob_; }
  std::uint64_t description() const noexcept { return id_.description; }
  std::string_view name() const noexcept { return names_.substr(0, static_cast<std::size_t>(id_.name_bytes)); }
  std::span<const saved_layer> layers() const noexcept { return layers_; }
  // The name of a layer of the table.
  std::string_view layer_name(std::size_t layer) const noexcept {
    return names_.substr(layers_[layer].name_begin, layers_[layer].name_bytes);
  }

  // Sections of a layer of the table: packed weights, 64-byte aligned, as packed_weights::view wants them.
  std::span<const std::byte> packed(std::size_t layer) const noexcept { return elements<std::byte>(section(layer, 0)); }
  // Dense ones, rows x columns; T is the type of type().
  template <class T>
  std::span<const T> dense(std::size_t layer) const noexcept {
    return elements<T>(section(layer, 0));
  }
  template <class T>
  std::span<const T> bias(std::size_t layer) const noexcept {
    return elements<T>(section(layer, 1));
  }

 private:
  static constexpr std::size_t fixed_sections = 3;

  explicit saved_network(const blob_view& blob) noexcept : blob_(blob) {}

  static constexpr status contradiction() noexcept {
    return {errc::corrupt, "The packed weights of the network are damaged: its table of layers contradicts itself."};
  }

  // Of a layer of the table, that its sections are where they have to be, in the table of sections as well.
  BCR_COLD bool check_layer(std::size_t i) const noexcept {
    const saved_layer& l = layers_[i];
    const std::uint64_t element = type() == value_type::f32 ? sizeof(float) : sizeof(double);
    const std::uint64_t most = std::numeric_limits<std::size_t>::max() / element;
    const bool dense = l.form == weights_form::dense;
    if (!(dense || l.form == weights_form::panels || l.form == weights_form::bands)) return false;
    if ((i != 0 && l.number <= layers_[i - 1].number) || l.rows > most || (l.rows != 0 && l.columns > most / l.rows)) {
      return false;
    }
    const blob_section &weights = section(i, 0), &bias = section(i, 1);
    return weights.id == weights_section(i) && bias.id == bias_section(i) && bias.bytes == l.rows * element &&
           (dense ? weights.bytes == l.rows * l.columns * element : weights.bytes != 0);
  }

  // Precondition: there are as many sections as the table asks for.
  const blob_section& section(std::size_t layer, std::size_t part) const noexcept {
    return blob_.sections()[fixed_sections + 2 * layer + part];
  }
  template <class T>
  std::span<const T> elements(const blob_section& s) const noexcept {
    return {reinterpret_cast<const T*>(blob_.bytes().data() + s.offset), static_cast<std::size_t>(s.bytes) / sizeof(T)};
  }

  blob_view blob_;
  network_id id_{};
  std::span<const saved_layer> layers_;
  std::string_view names_;
};

}  // namespace bcr
