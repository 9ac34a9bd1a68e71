// bench/run.sh recurrent: measures products with one vector and steps of recurrent cells beside dense libraries and a
// plain read of their weights, and writes what it finds as JSON (see report_recurrent.py).
#include "race_main.hpp"
#include "recurrent_race.hpp"

namespace {

template <class Shape>
bool measure_shapes(bench::recurrent_race& race, const std::vector<Shape>& shapes) {
  bool all_right = true;
  const bench::progress progress;
  for (const Shape& shape : shapes) {
    progress.show(bench::name(shape));
    all_right &= race.run(shape);
  }
  return all_right;
}

bool measure_all(const bench::race_settings& settings, std::vector<bench::row>& rows) {
  bench::recurrent_race race(settings, rows);
  bool all_right = measure_shapes(race, bench::gemv_shapes());
  all_right &= measure_shapes(race, bench::cell_sizes(settings.quick));
  return all_right;
}

}  // namespace

int main(int argc, char** argv) {
  using bcr::value_type;
  return bench::race_main(
      argc, argv,
      {.description = "Measures bcr's recurrent cells and products with one vector beside dense libraries.",
       .quick = "fewer shapes, one pruning rate and fewer rounds",
       .filter_example = "gru.*b16x64/.*/B1/",
       .out = "recurrent.json",
       .weights =
           {{"f32", value_type::f32}, {"f16", value_type::f16}, {"bf16", value_type::bf16}, {"i8", value_type::i8}},
       .weights_help = "f16, bf16 or i8: measured beside the same with weights in f32"},
      measure_all);
}
