// The one list of matrix shapes: benchmarks, tests and tuner all take theirs from here. Each is a layer of a network
// that people run. Depends on nothing.
#pragma once

#include <cstddef>
#include <string_view>

namespace shapes {

// W is m x k, B is k x n, C is m x n.
struct gemm {
  std::string_view layer;
  std::size_t m, k, n;
  bool quick = false;       // of the short list
  bool break_even = false;  // also measured at densities near 1, where dense wins in the end
};

inline constexpr gemm gemm_shapes[] = {
    // 1x1 convolutions: channels x channels, pixels.
    {"ResNet-50 conv2 reduce", 64, 256, 3136},
    {"ResNet-50 conv2 expand", 256, 64, 3136, true},
    {"ResNet-50 conv3 reduce", 128, 512, 784, true, true},
    {"ResNet-50 conv3 expand", 512, 128, 784},
    {"ResNet-50 conv4 reduce", 256, 1024, 196},
    {"ResNet-50 conv4 expand", 1024, 256, 196},
    {"ResNet-50 conv5 reduce", 512, 2048, 49},
    {"ResNet-50 conv5 expand", 2048, 512, 49},
    {"MobileNet-V1 512 at 14x14", 512, 512, 196, true, true},
    {"MobileNet-V2 expand at 56x56", 144, 24, 3136},
    {"MobileNet-V2 expand at 28x28", 192, 32, 784},
    {"MobileNet-V2 project at 14x14", 96, 576, 196},
    {"MobileNet-V2 expand at 14x14", 576, 96, 196},
    {"MobileNet-V2 last at 7x7", 1280, 320, 49},
    // 3x3 convolutions after im2col.
    {"ResNet-18 3x3 at 56x56", 64, 576, 3136, true, true},
    {"ResNet-18 3x3 at 28x28", 128, 1152, 784, true},
    {"ResNet-18 3x3 at 14x14", 256, 2304, 196, true},
    {"ResNet-18 3x3 at 7x7", 512, 4608, 49, true},
    {"VGG-16 conv5", 512, 4608, 196},
    // Transformers' feed-forward layers: features x features, tokens.
    {"BERT-base up, 128 tokens", 3072, 768, 128, true, true},
    {"BERT-base down, 128 tokens", 768, 3072, 128},
    {"BERT-base up, 384 tokens", 3072, 768, 384},
    {"BERT-base down, 384 tokens", 768, 3072, 384},
    {"BERT-large down, 128 tokens", 1024, 4096, 128},
    {"BERT-large up, 384 tokens", 4096, 1024, 384},
    {"ViT-B/32 at 256x256 up, 65 tokens", 3072, 768, 65, true},
    {"ViT-B/32 at 256x256 down, 65 tokens", 768, 3072, 65},
    {"DETR up, 100 queries", 2048, 256, 100},
    {"DETR down, 100 queries", 256, 2048, 100, true},
    {"Stable Diffusion U-Net, 64x64 latent", 320, 320, 4096},
    {"TinyLlama attention output, 1024 tokens", 2048, 2048, 1024},
    // Recurrent layers: gates x features, batch.
    {"GRU gates, batch 1", 3072, 1024, 1, true},
    {"LSTM gates, batch 1", 4096, 1024, 1},
    {"Recurrent 1024, batch 16", 1024, 1024, 16, true},
    {"GRU gates, batch 32", 3072, 1024, 32},
    {"Recurrent 1024, batch 64", 1024, 1024, 64, true, true},
    {"GRU gates, batch 64", 3072, 1024, 64},
};

// A square image of `size` pixels a side, a square kernel, and padding that keeps the size but for the stride.
struct conv {
  std::string_view layer;
  std::size_t channels, outputs, size, kernel, stride = 1;
  bool quick = false;  // of the short list
};

inline constexpr conv conv_shapes[] = {
    {"ResNet-18 conv2", 64, 64, 56, 3, 1, true},
    {"ResNet-18 conv3", 128, 128, 28, 3, 1, true},
    {"ResNet-18 conv4", 256, 256, 14, 3, 1, true},
    {"ResNet-18 conv5", 512, 512, 7, 3, 1, true},
    {"ResNet-18 conv3, first", 64, 128, 56, 3, 2, true},
    {"ResNet-18 conv4, first", 128, 256, 28, 3, 2},
    {"ResNet-18 conv5, first", 256, 512, 14, 3, 2},
    {"VGG-16 conv1_2", 64, 64, 224, 3},
    {"VGG-16 conv2_1", 64, 128, 112, 3},
    {"VGG-16 conv2_2", 128, 128, 112, 3},
    {"VGG-16 conv3_1", 128, 256, 56, 3},
    {"VGG-16 conv3_2", 256, 256, 56, 3, 1, true},
    {"VGG-16 conv4_1", 256, 512, 28, 3},
    {"VGG-16 conv4_2", 512, 512, 28, 3},
    {"VGG-16 conv5", 512, 512, 14, 3, 1, true},
    {"ResNet-50 conv2 expand", 64, 256, 56, 1},
    {"ResNet-50 conv4 reduce", 1024, 256, 14, 1},
    {"MobileNet-V1 512", 512, 512, 14, 1, 1, true},
    {"ResNet-18 conv4, shortcut", 128, 256, 28, 1, 2},
};

}  // namespace shapes
