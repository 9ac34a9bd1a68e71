// Pictures from files, as networks of torchvision's expect them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

// The middle of a JPEG or PNG file: its shorter side is made 256/224 of `size` pixels long, `size` x `size` pixels are
// cut out, and the three channels are normalised by ImageNet's means and deviations, plane by plane; all of it as
// torchvision's Resize (with antialiasing), CenterCrop and Normalize do. Throws std::runtime_error, with a sentence, if
// there is no such file or if it is none of these.
std::vector<float> load_image(const std::string& path, std::size_t size);
