#include "network_options.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>

network_options read_options(int argc, char** argv, const std::string& what) {
  network_options made;
  double rate = 0;
  CLI::App app(what);
  const CLI::Option* const given =
      app.add_option("rate", rate, "Prune so many times; made-up parameters only, unless it is said")
          ->check(CLI::Range(1., 1e6));
  app.add_option("--weights", made.weights, "A .safetensors file with torchvision's names")->check(CLI::ExistingFile);
  app.add_option("--image", made.image, "A picture, JPEG or PNG")->check(CLI::ExistingFile);
  app.add_option("--save", made.save, "Write the parameters to a .safetensors file");
  app.add_flag("--quick", made.quick, "Run each network once");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  if (given->count() != 0) made.rate = rate;
  return made;
}
