// What the programs of networks are asked for on their command line.
#pragma once

#include <optional>
#include <string>

struct network_options {
  std::optional<double> rate;  // pruned as many times
  std::string weights, image;  // files; empty: both are made up
  std::string save;            // where the parameters go to
  bool quick = false;          // a single run of each
};

// Exits, with a sentence where one is due, unless there is something to run.
network_options read_options(int argc, char** argv, const std::string& what);
