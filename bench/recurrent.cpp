// bench/run.sh recurrent: measures products with one vector and steps of recurrent cells beside dense libraries and a
// plain read of their weights, and writes what it finds as JSON (see report_recurrent.py).
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "environment.hpp"
#include "machine.hpp"
#include "recurrent_race.hpp"

namespace {

template <class Shape>
bool measure_all(bench::recurrent_race& race, const std::vector<Shape>& shapes) {
  bool all_right = true;
  const bool watched = isatty(STDERR_FILENO) != 0;
  for (const Shape& shape : shapes) {
    if (watched) std::fprintf(stderr, "\r%-44s", bench::name(shape).c_str());
    all_right &= race.run(shape);
  }
  if (watched) std::fprintf(stderr, "\r%44s\r", "");
  return all_right;
}

}  // namespace

int main(int argc, char** argv) {
  bench::restart_with_environment_of_peers(argv);

  bench::race_settings settings;
  std::string filter, out = "recurrent.json";
  CLI::App app("Measures bcr's recurrent cells and products with one vector beside dense libraries.");
  app.add_flag("--quick", settings.quick, "fewer shapes, one pruning rate and fewer rounds");
  app.add_option("--threads", settings.how.threads, "threads for the library and for every peer")
      ->check(CLI::Range(1, 256));
  app.add_option("--filter", filter, "only cases that match this regular expression, like gru.*b16x64/.*/B1/");
  const std::map<std::string, bcr::value_type> types = {{"f32", bcr::value_type::f32},
                                                        {"f16", bcr::value_type::f16},
                                                        {"bf16", bcr::value_type::bf16},
                                                        {"i8", bcr::value_type::i8}};
  app.add_option("--weights", settings.weights, "f16, bf16 or i8: measured beside the same with weights in f32")
      ->transform(CLI::CheckedTransformer(types));
  app.add_option("--out", out, "the JSON file to write");
  const auto* rounds = app.add_option("--rounds", settings.how.rounds, "timed rounds")->check(CLI::Range(3, 1000));
  CLI11_PARSE(app, argc, argv);
  if (settings.quick && rounds->empty()) settings.how.rounds = 15;
  settings.filter = std::regex(filter);
  if (!bench::has_cores(settings.how.threads)) {
    std::fprintf(stderr, "This process may not use %d cores: the times of threads mean nothing.\n",
                 settings.how.threads);
  }

  std::vector<bench::row> rows;
  bench::recurrent_race race(settings, rows);
  bool all_right = measure_all(race, bench::gemv_shapes(settings.quick));
  all_right &= measure_all(race, bench::cell_sizes(settings.quick));
  if (rows.empty()) {
    std::fprintf(stderr, "No case matches the filter.\n");
    return 2;
  }
  const bench::context facts = {{"vector_bits", std::to_string(8 * bench::vector_bytes())},
                                {"threads", std::to_string(settings.how.threads)},
                                {"rounds", std::to_string(settings.how.rounds)},
                                {"mode", settings.quick ? "quick" : "full"}};
  if (!bench::write_json(rows, facts, out)) {
    std::fprintf(stderr, "%s could not be written.\n", out.c_str());
    return 2;
  }
  return all_right ? 0 : 1;
}
