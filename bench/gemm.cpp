// bench/run.sh gemm: measures the library's GEMM beside its peers and writes what it finds as JSON (see report.py).
#include "gemm_race.hpp"
#include "race_main.hpp"

namespace {

bool measure_all(const bench::race_settings& settings, std::vector<bench::row>& rows) {
  bool all_right = true;
  const bench::progress progress;
  for (const shapes::gemm& shape : shapes::gemm_shapes) {
    if (settings.quick && !shape.quick) continue;
    bench::gemm_race race(shape, settings, rows);
    if (race.empty()) continue;
    progress.show(shape.layer);
    all_right &= race.run();
  }
  return all_right;
}

}  // namespace

int main(int argc, char** argv) {
  using bcr::value_type;
  return bench::race_main(
      argc, argv,
      {.description = "Measures bcr's GEMM beside dense and sparse libraries.",
       .quick = "a dozen shapes and fewer rounds",
       .filter_example = "b8x32/.*/N196/columns/10x",
       .out = "gemm.json",
       .weights = {{"f32", value_type::f32}, {"f16", value_type::f16}, {"bf16", value_type::bf16}},
       .weights_help = "f16 or bf16: the library alone, against itself with weights in f32",
       .dispatch_help = "the library alone: kernels found at run time against static ones",
       .bf16_input_help = "with --weights bf16: the input in bf16 as well, against all in f32, or with "
                          "--dispatch against static kernels",
       .tasks_help = "tasks for each thread that the library's plans are cut into"},
      measure_all);
}
