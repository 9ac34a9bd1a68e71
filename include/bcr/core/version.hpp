// The one place where the version stands; CMake reads it from here.
#pragma once

#define BCR_VERSION_MAJOR 0
#define BCR_VERSION_MINOR 1
#define BCR_VERSION_PATCH 0

namespace bcr {

inline constexpr int version_major = BCR_VERSION_MAJOR;
inline constexpr int version_minor = BCR_VERSION_MINOR;
inline constexpr int version_patch = BCR_VERSION_PATCH;

}  // namespace bcr
