// Which instruction sets the processor runs, by the names of targets. It is asked directly, and the same way for every
// back end: Highway's own answer would be a library to link, that of xsimd 8.1 is wrong, and compilers differ in the
// features that __builtin_cpu_supports knows.
#pragma once

#include <cstdint>
#include <string_view>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace bcr::detail {

#if defined(__x86_64__) || defined(__i386__)

// The register state that the operating system saves: instructions without it would lose their results.
inline std::uint32_t saved_registers() noexcept {
  std::uint32_t low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// The levels that targets are made of, each with the one below it, as Highway's and xsimd's targets need them together.
enum class cpu_level : std::uint8_t { lowest, sse4, avx2, avx3, avx3_dl };
struct cpu {
  cpu_level level = cpu_level::lowest;
  bool multiplies_bf16 = false;  // AVX512-BF16, beside level avx3 or above
};

inline cpu this_cpu() noexcept {
  constexpr auto bits = [](auto... positions) { return ((1u << positions) | ...); };
  constexpr std::uint32_t ymm = 0x06, zmm = 0xe6;
  constexpr std::uint32_t ssse3_sse41_sse42_popcnt = bits(9, 19, 20, 23);  // leaf 1, ecx
  constexpr std::uint32_t fma_osxsave_avx_f16c = bits(12, 27, 28, 29);
  constexpr std::uint32_t bmi_avx2_bmi2 = bits(3, 5, 8);  // leaf 7, ebx
  constexpr std::uint32_t avx512_f_dq_cd_bw_vl = bits(16, 17, 28, 30, 31);
  // ecx: VBMI, VBMI2, GFNI, VAES, VPCLMULQDQ, VNNI, BITALG, VPOPCNTDQ.
  constexpr std::uint32_t ice_lake = bits(1, 6, 8, 9, 10, 11, 12, 14);
  // Leaf 7.1, eax; AVX3_DL of Highway 1.0 has the first as well.
  constexpr std::uint32_t avxvnni = bits(4), avx512_bf16 = bits(5);
  const auto has = [](std::uint32_t word, std::uint32_t all) { return (word & all) == all; };

  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || !has(ecx, ssse3_sse41_sse42_popcnt)) return {};
  if (!has(ecx, fma_osxsave_avx_f16c)) return {cpu_level::sse4};
  const std::uint32_t saved = saved_registers();
  if (!has(saved, ymm) || __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return {cpu_level::sse4};
  if (!has(ebx, bmi_avx2_bmi2)) return {cpu_level::sse4};
  if (!has(saved, zmm) || !has(ebx, avx512_f_dq_cd_bw_vl)) return {cpu_level::avx2};
  const bool like_ice_lake = has(ecx, ice_lake);
  if (eax == 0) return {cpu_level::avx3};
  __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx);
  return {like_ice_lake && has(eax, avxvnni) ? cpu_level::avx3_dl : cpu_level::avx3, has(eax, avx512_bf16)};
}

// Whether the processor runs the instructions of the target; false for a name that is not known here.
inline bool cpu_runs(std::string_view target) noexcept {
  const auto [level, multiplies_bf16] = this_cpu();
  if (target == "sse4" || target == "xsimd_sse4") return level >= cpu_level::sse4;
  if (target == "avx2" || target == "xsimd_fma3_avx2") return level >= cpu_level::avx2;
  if (target == "avx3" || target == "xsimd_avx512bw") return level >= cpu_level::avx3;
  if (target == "avx3_bf16" || target == "xsimd_avx512bw_bf16") return multiplies_bf16;
  if (target == "avx3_dl_bf16" && !multiplies_bf16) return false;
  return (target == "avx3_dl" || target == "avx3_dl_bf16") && level >= cpu_level::avx3_dl;
}

#elif defined(__aarch64__)

// The same for 64-bit Arm, where NEON is never absent. Only Linux is asked for more.
inline bool cpu_runs(std::string_view target) noexcept {
  if (target == "neon" || target == "neon_without_aes" || target == "xsimd_neon64") return true;
#ifdef __linux__
  // HWCAP_SVE and HWCAP2_SVE2, which the C library's headers have not always named.
  const bool sve = (getauxval(AT_HWCAP) >> 22 & 1) != 0, sve2 = (getauxval(AT_HWCAP2) >> 1 & 1) != 0;
  return (target == "sve" && sve) || (target == "sve2" && sve && sve2);
#else
  return false;
#endif
}

#else

inline bool cpu_runs(std::string_view) noexcept { return false; }

#endif

}  // namespace bcr::detail
