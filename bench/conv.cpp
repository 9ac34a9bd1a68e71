// bench/run.sh conv: measures the library's convolutions beside dense libraries and writes what it finds as JSON (see
// report_conv.py).
#include "conv_race.hpp"
#include "race_main.hpp"

namespace {

bool measure_all(const bench::race_settings& settings, std::vector<bench::row>& rows) {
  bool all_right = true;
  const bench::progress progress;
  bench::conv_race race(settings, rows);
  for (const shapes::conv& shape : shapes::conv_shapes) {
    if (settings.quick && !shape.quick) continue;
    progress.show(shape.layer);
    all_right &= race.run(shape);
  }
  return all_right;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::race_main(argc, argv,
                          {.description = "Measures bcr's convolutions beside dense libraries.",
                           .quick = "fewer layers, one pruning rate and fewer rounds",
                           .filter_example = "nchw_b8x16/C64/.*/10x",
                           .out = "conv.json"},
                          measure_all);
}
