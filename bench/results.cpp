#include "results.hpp"

#include <benchmark/benchmark.h>

namespace bench {
namespace {

// The table is printed elsewhere.
class silent_reporter final : public benchmark::BenchmarkReporter {
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

// Names without what Google Benchmark adds to them: the iterations are ours, and every time is a measured one.
class plain_name_reporter final : public benchmark::JSONReporter {
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> renamed = runs;
    for (Run& r : renamed) {
      r.run_name.iterations.clear();
      r.run_name.time_type.clear();
    }
    JSONReporter::ReportRuns(renamed);
  }
};

// All measuring is over by now: a row says what was found.
void replay(benchmark::State& state, const row& r) {
  if (!r.error.empty()) state.SkipWithError(r.error.c_str());
  for ([[maybe_unused]] auto unused : state) state.SetIterationTime(r.seconds);
  for (const auto& [name, value] : r.counters) state.counters[name] = value;
  state.SetLabel(r.label);
}

}  // namespace

bool write_json(const std::vector<row>& rows, const context& facts, const std::string& path) {
  const std::string out = "--benchmark_out=" + path, format = "--benchmark_out_format=json";
  std::string program = "bench";
  std::vector<char*> arguments = {program.data(), const_cast<char*>(out.c_str()), const_cast<char*>(format.c_str())};
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  for (const auto& [key, value] : facts) benchmark::AddCustomContext(key, value);
  for (const row& r : rows) {
    benchmark::RegisterBenchmark(r.name.c_str(), replay, r)
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kMicrosecond);
  }
  silent_reporter display;
  plain_name_reporter file;
  const std::size_t written = benchmark::RunSpecifiedBenchmarks(&display, &file);
  benchmark::Shutdown();
  return written == rows.size();
}

}  // namespace bench
