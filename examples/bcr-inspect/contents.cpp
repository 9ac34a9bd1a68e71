#include "contents.hpp"

#include <bcr/core/buffer.hpp>
#include <bcr/format/bands.hpp>
#include <bcr/format/panels.hpp>
#include <bcr/format/saved_network.hpp>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <utility>

namespace {

bcr::buffer<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("The file cannot be opened.");
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) throw std::runtime_error("The file cannot be read.");
  auto aligned = bcr::buffer<std::byte>::allocate(bytes.size());
  if (!aligned) throw std::runtime_error(aligned.message());
  if (!bytes.empty()) std::memcpy(aligned->data(), bytes.data(), bytes.size());
  return std::move(*aligned);
}

std::string name_of_section(std::uint32_t id) {
  switch (static_cast<bcr::panels_section>(id)) {
    case bcr::panels_section::groups:
      return "row groups";
    case bcr::panels_section::panels:
      return "panels";
    case bcr::panels_section::segments:
      return "segments";
    case bcr::panels_section::columns:
      return "column indices";
    case bcr::panels_section::rows:
      return "row order";
    case bcr::panels_section::weights:
      return "weights";
  }
  switch (static_cast<bcr::bands_section>(id)) {
    case bcr::bands_section::bands:
      return "bands";
    case bcr::bands_section::runs:
      return "runs of strips";
    case bcr::bands_section::indices:
      return "indices of bands";
    case bcr::bands_section::weights:
      return "weights of bands";
    case bcr::bands_section::scales:
      return "scales of rows";
    case bcr::bands_section::sums:
      return "sums of rows";
  }
  return "section " + std::to_string(id);
}

template <class View>
View open_layout(const bcr::blob_view& blob, contents& into) {
  const auto arrays = View::open(blob);
  if (!arrays) throw std::runtime_error(arrays.message());
  arrays->for_each_weight(
      [&](std::size_t i, std::size_t j, auto) { into.pattern.kept[i * into.pattern.columns + j] = 1; });
  return *arrays;
}

template <class T>
void read_layouts(const bcr::blob_view& blob, contents& into) {
  for (const bcr::blob_section& s : blob.sections()) {
    into.sections.push_back({name_of_section(s.id), static_cast<std::size_t>(s.bytes)});
  }
  const bcr::blob_layout layout = blob.kind().layout;
  if (bcr::has_layout(layout, bcr::blob_layout::panels)) {
    if (bcr::quantised<T>) throw std::runtime_error("Weights of eight bits have no panels.");
    const auto panels = open_layout<bcr::panels_view<T>>(blob, into);
    into.counts.insert(
        into.counts.end(),
        {{"row groups", panels.group_count()}, {"panels", panels.panels.size()}, {"segments", panels.segments.size()}});
  }
  if (bcr::has_layout(layout, bcr::blob_layout::bands)) {
    const auto bands = open_layout<bcr::bands_view<T>>(blob, into);
    into.counts.insert(into.counts.end(), {{"bands", bands.band_count()}, {"runs of strips", bands.runs.size()}});
  }
}

contents contents_of(const bcr::blob_view& blob) {
  const auto rows = static_cast<std::size_t>(blob.matrix().rows);
  const auto columns = static_cast<std::size_t>(blob.matrix().columns);
  contents c{.kind = blob.kind(),
             .matrix = blob.matrix(),
             .version = blob.version(),
             .checksum = blob.checksum(),
             .bytes = blob.bytes().size(),
             .counts = {},
             .sections = {},
             .pattern = {rows, columns, blob.kind().block_rows, blob.kind().block_columns, {}}};
  c.pattern.kept.resize(rows * columns);
  if (c.kind.layout == bcr::blob_layout() || !bcr::has_layout(bcr::blob_layout::panels_and_bands, c.kind.layout))
    throw std::runtime_error("The layout of the weights is not known here.");
  switch (c.kind.type) {
    case bcr::value_type::f32:
      read_layouts<float>(blob, c);
      break;
    case bcr::value_type::f64:
      read_layouts<double>(blob, c);
      break;
    case bcr::value_type::f16:
      read_layouts<bcr::f16>(blob, c);
      break;
    case bcr::value_type::bf16:
      read_layouts<bcr::bf16>(blob, c);
      break;
    case bcr::value_type::i8:
      read_layouts<std::int8_t>(blob, c);
      break;
    default:
      throw std::runtime_error("The weights are of a type that is not known here.");
  }
  return c;
}

bcr::blob_view open_blob(std::span<const std::byte> bytes) {
  const auto blob = bcr::blob_view::open(bytes);
  if (!blob) throw std::runtime_error(blob.message());
  return *blob;
}

layer_contents layer_of(const bcr::saved_network& network, std::size_t number) {
  const bcr::saved_layer& layer = network.layers()[number];
  const auto rows = static_cast<std::size_t>(layer.rows), columns = static_cast<std::size_t>(layer.columns);
  layer_contents made{.name = std::string(network.layer_name(number)),
                      .form = "dense",
                      .rows = rows,
                      .columns = columns,
                      .kept = rows * columns,
                      .bytes = network.packed(number).size()};
  if (layer.form == bcr::weights_form::dense) return made;
  const contents packed = contents_of(open_blob(network.packed(number)));
  made.form = (layer.form == bcr::weights_form::panels ? "panels " : "bands ") +
              std::to_string(packed.kind.block_rows) + "x" + std::to_string(packed.kind.block_columns);
  made.kept = static_cast<std::size_t>(packed.matrix.kept);
  if (packed.matrix.rows != layer.rows || packed.matrix.columns != layer.columns) {
    throw std::runtime_error("The packed weights of a layer do not have the layer's rows and columns.");
  }
  return made;
}

}  // namespace

double contents::density() const {
  const double all = static_cast<double>(matrix.rows) * static_cast<double>(matrix.columns);
  return all == 0 ? 1 : static_cast<double>(matrix.kept) / all;
}

std::variant<contents, network_contents> read_contents(const std::string& path, const std::string& layer) {
  const bcr::buffer<std::byte> file = read_file(path);
  const bcr::blob_view blob = open_blob(file);
  if (blob.kind().layout != bcr::blob_layout::network) {
    if (!layer.empty()) throw std::runtime_error("The file holds a single matrix: there are no layers to choose from.");
    return contents_of(blob);
  }
  const auto network = bcr::saved_network::open(blob);
  if (!network) throw std::runtime_error(network.message());
  network_contents made{.name = std::string(network->name()),
                        .type = network->type(),
                        .version = blob.version(),
                        .checksum = blob.checksum(),
                        .bytes = file.size(),
                        .layers = {}};
  for (std::size_t i = 0; i < network->layers().size(); ++i) {
    made.layers.push_back(layer_of(*network, i));
    if (layer.empty() || made.layers.back().name != layer) continue;
    if (made.layers.back().form == "dense") throw std::runtime_error("The weights of this layer are not packed.");
    return contents_of(open_blob(network->packed(i)));
  }
  if (!layer.empty()) throw std::runtime_error("The network has no layer of this name that has weights.");
  return made;
}

std::string name_of(bcr::value_type type) {
  switch (type) {
    case bcr::value_type::f32:
      return "f32";
    case bcr::value_type::f64:
      return "f64";
    case bcr::value_type::f16:
      return "f16";
    case bcr::value_type::bf16:
      return "bf16";
    case bcr::value_type::i8:
      return "i8";
  }
  return "unknown";
}
