// ResNet-18, dense and pruned in blocks: what runs, how long it takes, and whether the results are PyTorch's.
// Parameters that a model's file would hold are made up, unless one is named, so this is about time and not about cats.
//   resnet18 [RATE] [--weights FILE.safetensors] [--image FILE]      pruned RATE times, 10 if nothing is said
#include "network.hpp"
#include "network_program.hpp"

int main(int argc, char** argv) { return network_program::main<resnet18::dense, resnet18::pruned>(argc, argv, 10); }
