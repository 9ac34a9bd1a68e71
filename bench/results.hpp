// Measured rows, and their way into a file that every reader of Google Benchmark's JSON understands.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench {

struct row {
  std::string name;
  double seconds = 0;  // a call, median of all rounds
  std::vector<std::pair<std::string, double>> counters = {};
  std::string label = {};
  std::string error = {};  // why there is no time
};

using context = std::vector<std::pair<std::string, std::string>>;

// Writes `rows` to `path`; true if that went well.
bool write_json(const std::vector<row>& rows, const context&, const std::string& path);

}  // namespace bench
