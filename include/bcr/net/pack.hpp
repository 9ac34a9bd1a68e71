// Packs the weights of a whole network into one buffer, which may be saved, mapped, and made a runner of. There is no
// vector code in it: a program that only packs is small, and what it writes serves every target.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/format/saved_network.hpp"
#include "bcr/net/check.hpp"
#include "bcr/net/form.hpp"
#include "bcr/net/parameters.hpp"
#include "bcr/net/steps.hpp"
#include "bcr/pack/cover.hpp"
#include "bcr/pack/pack.hpp"

namespace bcr::net {

// The smallest pattern around what is not zero, or one of everything.
template <block_shape Block, bool All, class T>
BCR_COLD result<pattern<Block>> pattern_of(matrix_view<const T> dense) noexcept {
  if constexpr (!All) {
    auto found = cover_nonzeros<Block>(dense);
    if (!found) return found.status();
    return std::move(found->pattern);
  } else {
    auto made = pattern<Block>::create(dense.rows, dense.columns);
    if (!made) return made.status();
    for (std::size_t i = 0; i < made->block_rows(); ++i) {
      for (std::size_t j = 0; j < made->block_columns(); ++j) made->keep_block(i, j);
    }
    return made;
  }
}

// A layer's weights, packed; those that are packed already are checked and used where they are. Fails as packing does,
// and as opening does.
template <blob_layout Layout, block_shape Block, bool All, class T>
BCR_COLD result<packed_weights<T, Block, Layout>> pack_layer(const layer_weights<T>& weights) noexcept {
  if (!weights.packed.empty()) {
    auto made = packed_weights<T, Block, Layout>::view(weights.packed);
    if (made && (made->rows() != weights.rows || made->columns() != weights.columns)) {
      return {errc::corrupt, "The packed weights of a layer do not have the layer's rows and columns."};
    }
    return made;
  }
  auto kept = pattern_of<Block, All>(weights.view());
  if (!kept) return kept.status();
  return bcr::pack<T, Layout>(*kept, weights.view(), {.kernel_width = weights.kernel_width});
}

namespace detail {

// What a step with weights has in a saved network.
template <class T>
struct saved_parts {
  buffer<std::byte> packed;  // none where they stay dense
  layer_weights<T> weights;  // the bias, and the dense ones
  std::span<const std::byte> bytes() const noexcept {
    return packed.size() != 0 ? std::span<const std::byte>(packed) : std::as_bytes(weights.dense);
  }
};

template <blob_layout Layout, block_shape Block, bool All, class T>
status pack_part(saved_parts<T>& part) noexcept {
  auto packed = pack_layer<Layout, Block, All>(part.weights);
  if (!packed) return packed.status();
  auto copy = buffer<std::byte>::allocate(packed->bytes().size());
  if (!copy) return copy.status();
  std::memcpy(copy->data(), packed->bytes().data(), copy->size());
  part.packed = std::move(*copy);
  part.weights.drop_dense();
  return {};
}

template <const auto& Net, const auto& Program, std::size_t I, class T, class Parameters>
BCR_COLD status make_part(saved_parts<T>* parts, const Parameters& parameters) noexcept {
  constexpr step s = Program.steps[I];
  constexpr weights_form form = form_of(Net, s);
  if constexpr (form == weights_form::none) {
    return {};
  } else {
    saved_parts<T>& part = parts[weights_before(Net, Program, I)];
    auto loaded = load_weights<T>(Net, s, parameters);
    if (!loaded) return loaded.status();
    part.weights = std::move(*loaded);
    constexpr weight_storage how = Net.layers[s.main].weights;
    constexpr bool all = how.kind == storage::dense;
    if constexpr (form == weights_form::panels) return pack_part<blob_layout::panels, block_of<how>, all>(part);
    if constexpr (form == weights_form::bands) return pack_part<blob_layout::bands, block_of<how>, all>(part);
    return {};
  }
}

// The table's row of a step, but for where its name begins.
template <std::size_t Capacity>
constexpr saved_layer saved_layer_of(const network<Capacity>& net, const step& s) noexcept {
  const layer& l = net[s.main];
  const auto letters = static_cast<std::uint32_t>(letters_of(l.name));
  return {s.main, form_of(net, s), 0, letters, l.weight_rows(), net.weight_columns(s.main)};
}

// Lays out what saved_network says and copies the parts there.
template <class T, std::size_t Capacity>
BCR_COLD result<buffer<std::byte>> write_network(const network<Capacity>& net, const program<Capacity>& run,
                                                 std::span<const saved_parts<T>> parts) noexcept {
  std::size_t letters = letters_of(net.name);
  for (std::size_t i = 0; i < run.count; ++i) {
    if (form_of(net, run.steps[i]) != weights_form::none) letters += letters_of(net[run.steps[i].main].name);
  }
  blob_extent extents[3 + 2 * Capacity] = {
      {static_cast<std::uint32_t>(network_section::id), sizeof(network_id)},
      {static_cast<std::uint32_t>(network_section::layers), parts.size() * sizeof(saved_layer)},
      {static_cast<std::uint32_t>(network_section::names), letters}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    extents[3 + 2 * i] = {weights_section(i), parts[i].bytes().size()};
    extents[4 + 2 * i] = {bias_section(i), parts[i].weights.bias.size_bytes()};
  }
  auto blob = blob_writer::create(network_blob_kind<T>, {}, {extents, 3 + 2 * parts.size()});
  if (!blob) return blob.status();
  const auto put = [&blob](std::uint32_t id, std::span<const std::byte> bytes) {
    if (!bytes.empty()) std::memcpy(blob->template section<std::byte>(id).data(), bytes.data(), bytes.size());
  };
  blob->template section<network_id>(static_cast<std::uint32_t>(network_section::id))[0] = {description_of(net),
                                                                                            letters_of(net.name)};
  const auto layers = blob->template section<saved_layer>(static_cast<std::uint32_t>(network_section::layers));
  const auto names = blob->template section<char>(static_cast<std::uint32_t>(network_section::names));
  std::size_t name_end = 0;
  const auto put_name = [&names, &name_end](const char* text) {
    for (; *text != '\0'; ++text) names[name_end++] = *text;
  };
  put_name(net.name);
  for (std::size_t i = 0, at = 0; i < run.count; ++i) {
    if (form_of(net, run.steps[i]) == weights_form::none) continue;
    layers[at] = saved_layer_of(net, run.steps[i]);
    layers[at].name_begin = static_cast<std::uint32_t>(name_end);
    put_name(net[run.steps[i].main].name);
    put(weights_section(at), parts[at].bytes());
    put(bias_section(at), std::as_bytes(parts[at].weights.bias));
    ++at;
  }
  return std::move(*blob).finish();
}

}  // namespace detail

// The weights of a network, packed or dense as its runner wants them, normalisations folded in, in one relocatable
// buffer: write its bytes to a file, and open or view them with network_runner. `parameters` are as for
// network_runner::create, and need not outlive the call. Takes about twice the memory of its result. Fails as create
// does; then `failed_layer`, if there is one, gets the name of the layer that is to blame.
template <const auto& Net, class T = float, parameters_of<T> Parameters>
BCR_COLD result<buffer<std::byte>> pack(const Parameters& parameters, const char** failed_layer = nullptr) noexcept {
  static_assert(check<Net>());
  static constexpr auto run = steps_of(Net);
  std::array<detail::saved_parts<T>, weights_before(Net, run, run.count)> parts;
  status first;
  const auto make = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) noexcept {
    first = detail::make_part<Net, run, I>(parts.data(), parameters);
    if (!first && failed_layer != nullptr) *failed_layer = Net.layers[run.steps[I].main].name;
    return first.ok();
  };
  const bool made = [&]<std::size_t... I>(std::index_sequence<I...>) noexcept {
    return (make(std::integral_constant<std::size_t, I>()) && ...);
  }(std::make_index_sequence<run.count>());
  if (!made) return first;
  return detail::write_network<T>(Net, run, std::span<const detail::saved_parts<T>>(parts));
}

}  // namespace bcr::net
