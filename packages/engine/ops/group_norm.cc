#include "group_norm.h"

#include <cmath>

#include "simd.h"

namespace tessera {
namespace {

constexpr int64_t LINE = 16;   // floats
constexpr int64_t BLOCK = 64;  // pixels whose sums are made apart: sums of sums round less
constexpr int64_t WIDEST = GroupNorm::WIDEST;

// Adds each channel's values over all pixels, block by block.
template <typename Value>
TESSERA_INLINE void sums(int64_t pixels, int64_t width, float* __restrict total, const Value& value_of) {
  for (int64_t c = 0; c < width; ++c) total[c] = 0;
  for (int64_t start = 0; start < pixels; start += BLOCK) {
    const int64_t end = start + BLOCK < pixels ? start + BLOCK : pixels;
    float part[WIDEST];
    for (int64_t c = 0; c < width; ++c) part[c] = 0;
    for (int64_t p = start; p < end; ++p)
      for (int64_t c = 0; c < width; ++c) part[c] += value_of(p, c);
    for (int64_t c = 0; c < width; ++c) total[c] += part[c];
  }
}

// Every channel's share of its group's sum.
TESSERA_INLINE void over_groups(float* values, int64_t width, int64_t size, float count) {
  for (int64_t start = 0; start < width; start += size) {
    float sum = 0;
    for (int64_t c = start; c < start + size; ++c) sum += values[c];
    for (int64_t c = start; c < start + size; ++c) values[c] = sum / count;
  }
}

// Mean and inverse deviation of each channel's group.
TESSERA_INLINE void statistics(const GroupNorm& norm, int64_t width, const float* __restrict x, float* mean, float* inverse) {
  const int64_t size = norm.channels / norm.groups, stride = norm.channels;
  const float count = static_cast<float>(size * norm.pixels);
  sums(norm.pixels, width, mean, [&](int64_t p, int64_t c) { return x[p * stride + c]; });
  over_groups(mean, width, size, count);
  sums(norm.pixels, width, inverse, [&](int64_t p, int64_t c) {
    const float centred = x[p * stride + c] - mean[c];
    return centred * centred;
  });
  over_groups(inverse, width, size, count);
  for (int64_t c = 0; c < width; ++c) inverse[c] = 1.0f / std::sqrt(inverse[c] + norm.eps);
}

TESSERA_INLINE void forward(const GroupNorm& norm, int64_t width, int64_t first, const float* __restrict x, float* __restrict y) {
  float mean[WIDEST], scale[WIDEST];
  statistics(norm, width, x, mean, scale);
  float shift[WIDEST];
  for (int64_t c = 0; c < width; ++c) {
    scale[c] *= norm.weight_C[first + c];
    shift[c] = norm.bias_C[first + c];
  }
  for (int64_t p = 0; p < norm.pixels; ++p) {
    const float* __restrict in = x + p * norm.channels;
    float* __restrict out = y + p * norm.channels;
    if (norm.silu) {
      for (int64_t c = 0; c < width; ++c) {
        const float z = (in[c] - mean[c]) * scale[c] + shift[c];
        out[c] = z * sigmoid(z);
      }
    } else {
      for (int64_t c = 0; c < width; ++c) out[c] = (in[c] - mean[c]) * scale[c] + shift[c];
    }
  }
}

// d silu(z) / dz times dy
TESSERA_INLINE float through_silu(float z, float dy) {
  const float s = sigmoid(z);
  return dy * (s + z * s * (1.0f - s));
}

TESSERA_INLINE void backward(const GroupNorm& norm, bool silu, int64_t width, int64_t first, const float* __restrict x,
                             const float* __restrict dy, const GroupNormGradients& to) {
  const int64_t size = norm.channels / norm.groups, stride = norm.channels, pixels = norm.pixels;
  float mean[WIDEST], inverse[WIDEST], along[WIDEST], across[WIDEST], weight[WIDEST], bias[WIDEST];
  statistics(norm, width, x, mean, inverse);
  for (int64_t c = 0; c < width; ++c) {
    weight[c] = norm.weight_C[first + c];
    bias[c] = norm.bias_C[first + c];
  }
  float* __restrict dx = to.x_PC + first;
  for (int64_t c = 0; c < width; ++c) along[c] = across[c] = 0;
  for (int64_t start = 0; start < pixels; start += BLOCK) {
    const int64_t end = start + BLOCK < pixels ? start + BLOCK : pixels;
    float part_along[WIDEST], part_across[WIDEST];
    for (int64_t c = 0; c < width; ++c) part_along[c] = part_across[c] = 0;
    for (int64_t p = start; p < end; ++p) {
      for (int64_t c = 0; c < width; ++c) {
        const float normal = (x[p * stride + c] - mean[c]) * inverse[c];
        const float slope = dy[p * stride + c];
        const float dz = silu ? through_silu(normal * weight[c] + bias[c], slope) : slope;
        dx[p * stride + c] = dz;
        part_across[c] += dz;
        part_along[c] += dz * normal;
      }
    }
    for (int64_t c = 0; c < width; ++c) {
      along[c] += part_along[c];
      across[c] += part_across[c];
    }
  }
  for (int64_t c = 0; c < width; ++c) {
    to.weight_C[first + c] = along[c];
    to.bias_C[first + c] = across[c];
    along[c] *= weight[c];
    across[c] *= weight[c];
  }
  const float count = static_cast<float>(size * pixels);
  over_groups(along, width, size, count);
  over_groups(across, width, size, count);
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < width; ++c) {
      const float normal = (x[p * stride + c] - mean[c]) * inverse[c];
      dx[p * stride + c] = (dx[p * stride + c] * weight[c] - across[c] - normal * along[c]) * inverse[c];
    }
  }
}

}  // namespace

int64_t GroupNorm::width() const {
  const int64_t size = channels / groups;
  int64_t width = size;
  while (width < LINE && channels % (2 * width) == 0 && groups % (2 * width / size) == 0) width *= 2;
  return width;
}

TESSERA_CLONES
void group_norm(const GroupNorm& norm, int64_t piece, const float* x_PC, float* y_PC) {
  const int64_t width = norm.width(), first = piece * width;
  if (width == LINE) return forward(norm, LINE, first, x_PC + first, y_PC + first);
  forward(norm, width, first, x_PC + first, y_PC + first);
}

TESSERA_CLONES
void group_norm_gradients(const GroupNorm& norm, int64_t piece, const float* x_PC, const float* dy_PC,
                          const GroupNormGradients& gradients) {
  const int64_t width = norm.width(), first = piece * width;
  if (width != LINE) return backward(norm, norm.silu, width, first, x_PC + first, dy_PC + first, gradients);
  if (norm.silu) return backward(norm, true, LINE, first, x_PC + first, dy_PC + first, gradients);
  backward(norm, false, LINE, first, x_PC + first, dy_PC + first, gradients);
}

}  // namespace tessera
