// What the benchmarks' programs have in common: their options, the line that says where they are, and the file that
// they write.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gemm_race.hpp"

namespace bench {

struct race_program {
  const char* description;
  const char* quick;           // what --quick leaves out
  const char* filter_example;  // of a name of a case
  const char* out;             // the file, if --out names no other
  // The types that --weights takes, and what it does with them. There is no such option without types.
  std::map<std::string, bcr::value_type> weights = {};
  const char* weights_help = "";
  const char* dispatch_help = nullptr;    // of --dispatch, which is there if this is
  const char* bf16_input_help = nullptr;  // of --bf16-input, likewise
  const char* tasks_help = nullptr;       // of --tasks, likewise
};

// Says on a terminal what is measured now.
class progress {
 public:
  progress();
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  void show(std::string_view what) const;

 private:
  bool watched_;
};

// Measures and writes what was found. `measure` gets a row for each result and returns whether all results were right.
// Returns what main() is to: 0, 1 if not all was right, or 2 if there is nothing to write or it cannot be written.
int race_main(int argc, char** argv, const race_program&,
              const std::function<bool(const race_settings&, std::vector<row>&)>& measure);

}  // namespace bench
