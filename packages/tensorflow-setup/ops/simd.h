// What lets plain loops become vector code.
#pragma once
#include <cstdint>
#include <cstring>

// One machine code for each family of processors, chosen when the library is loaded.
#if defined(__x86_64__) && defined(__linux__)
#define TESSERA_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TESSERA_CLONES
#endif
// What is to be part of each of them.
#define TESSERA_INLINED __attribute__((always_inline))
#define TESSERA_INLINE inline TESSERA_INLINED

namespace tessera {

// e^x within 2 units of the last place: 2^n times a polynomial in what is left, |r| <= ln 2 / 2.
TESSERA_INLINE float exp_of(float x) {
  x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  const int32_t scale = static_cast<int32_t>((static_cast<uint32_t>(bits) << 23) + 0x3f800000u);
  float power;
  memcpy(&power, &scale, sizeof power);
  return p * power;
}

TESSERA_INLINE float sigmoid(float x) { return 1.0f / (1.0f + exp_of(-x)); }

}  // namespace tessera
