// bcr-inspect FILE: prints what a file of packed weights or of a network holds, checks it, and draws which weights a
// matrix keeps.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <variant>

#include "contents.hpp"

namespace {

void print_text(const contents& c) {
  const auto& [rows, columns, kept] = c.matrix;
  fmt::print("matrix      {} x {}, {} in blocks of {} x {}\n", rows, columns, name_of(c.kind.type), c.kind.block_rows,
             c.kind.block_columns);
  fmt::print("kept        {} of {} weights, density {:.4f}\n", kept, rows * columns, c.density());
  fmt::print("layout      ");
  for (const named_size& n : c.counts) fmt::print("{}{} {}", &n == &c.counts[0] ? "" : ", ", n.size, n.name);
  fmt::print("\nfile        {} bytes, format version {}; checksum {:016x} and contents are right\n", c.bytes, c.version,
             c.checksum);
  std::size_t other = c.bytes;
  for (const named_size& n : c.sections) {
    fmt::print("{:>12} bytes of {}\n", n.size, n.name);
    other -= n.size;
  }
  fmt::print("{:>12} bytes of header and padding\n", other);
}

void print_json(const contents& c) {
  nlohmann::ordered_json out{{"rows", c.matrix.rows},
                             {"columns", c.matrix.columns},
                             {"kept", c.matrix.kept},
                             {"density", c.density()},
                             {"block", {c.kind.block_rows, c.kind.block_columns}},
                             {"type", name_of(c.kind.type)},
                             {"bytes", c.bytes},
                             {"version", c.version},
                             {"checksum", fmt::format("{:016x}", c.checksum)}};
  for (const named_size& n : c.counts) out["counts"][n.name] = n.size;
  for (const named_size& n : c.sections) out["section bytes"][n.name] = n.size;
  fmt::print("{}\n", out.dump(2));
}

double density(const layer_contents& l) {
  const double all = static_cast<double>(l.rows) * static_cast<double>(l.columns);
  return all == 0 ? 1 : static_cast<double>(l.kept) / all;
}

void print_text(const network_contents& n) {
  fmt::print("network     {}, {} layers with weights of {}\n", n.name, n.layers.size(), name_of(n.type));
  fmt::print("file        {} bytes, format version {}; checksum {:016x} and contents are right\n", n.bytes, n.version,
             n.checksum);
  fmt::print("{:>12} {:>14} {:>9}  {:<14} layer\n", "bytes", "matrix", "density", "form");
  for (const layer_contents& l : n.layers) {
    fmt::print("{:>12} {:>14} {:>9.4f}  {:<14} {}\n", l.bytes, fmt::format("{} x {}", l.rows, l.columns), density(l),
               l.form, l.name);
  }
}

void print_json(const network_contents& n) {
  nlohmann::ordered_json out{{"network", n.name},
                             {"type", name_of(n.type)},
                             {"bytes", n.bytes},
                             {"version", n.version},
                             {"checksum", fmt::format("{:016x}", n.checksum)}};
  for (const layer_contents& l : n.layers) {
    out["layers"].push_back({{"name", l.name},
                             {"form", l.form},
                             {"rows", l.rows},
                             {"columns", l.columns},
                             {"kept", l.kept},
                             {"bytes", l.bytes}});
  }
  fmt::print("{}\n", out.dump(2));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints what a file of BCR-packed weights holds, checks it, and draws which weights it keeps.");
  std::string file, layer, png, svg;
  std::size_t cell = 0;
  bool json = false;
  app.add_option("FILE", file, "the bytes of a bcr::packed_weights, or of a network")->required();
  app.add_option("--layer", layer, "of a network: look at this layer alone");
  app.add_option("--png", png, "draw the pattern into this file");
  app.add_option("--svg", svg, "draw the pattern into this file");
  app.add_option("--cell", cell, "pixels a weight, across (default: about 1024 for the matrix)")
      ->check(CLI::Range(1, 64));
  app.add_flag("--json", json, "print JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto all = read_contents(file, layer);
    std::visit([&](const auto& c) { json ? print_json(c) : print_text(c); }, all);
    const contents* const one = std::get_if<contents>(&all);
    if (one == nullptr && !(png.empty() && svg.empty())) {
      throw std::runtime_error("A picture is of one layer: --layer says which.");
    }
    if (!png.empty()) write_png(one->pattern, cell, png);
    if (!svg.empty()) write_svg(one->pattern, cell, svg);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "bcr-inspect: {}: {}\n", file, e.what());
    return 1;
  }
}
