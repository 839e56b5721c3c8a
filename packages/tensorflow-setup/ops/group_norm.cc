#include "group_norm.h"

#include <cmath>
#include <type_traits>
#include <vector>

#include "simd.h"

namespace tessera {
namespace {

constexpr int64_t LANES = 16;  // channels that the innermost loops run over: the floats of the widest vector
constexpr int64_t BLOCK = 64;  // pixels whose sums are made apart: sums of sums round less, and a block stays in cache

// Calls step(first pixel, last pixel + 1, first channel, channels) over an image, block by block. The number of channels
// is known to the compiler in all but the last call of an odd width: only so do loops over it become vectors in registers.
template <typename Step>
TESSERA_INLINE void blocks(int64_t pixels, int64_t width, const Step& step) {
  for (int64_t start = 0; start < pixels; start += BLOCK) {
    const int64_t end = start + BLOCK < pixels ? start + BLOCK : pixels;
    int64_t c = 0;
    for (; c + LANES <= width; c += LANES) step(start, end, c, std::integral_constant<int64_t, LANES>());
    if (c < width) step(start, end, c, width - c);
  }
}

// Numbers of the channels of one step, out of the way of what the loops write.
struct Lanes {
  float of[LANES];

  static TESSERA_INLINE Lanes load(const float* values, int64_t count) {
    Lanes lanes = {};
    for (int64_t c = 0; c < count; ++c) lanes.of[c] = values[c];
    return lanes;
  }
  TESSERA_INLINE void add_to(float* values, int64_t count) const {
    for (int64_t c = 0; c < count; ++c) values[c] += of[c];
  }
};

// Every channel's share of its group's sum.
TESSERA_INLINE void over_groups(float* values, int64_t width, int64_t size, float count) {
  for (int64_t start = 0; start < width; start += size) {
    float sum = 0;
    for (int64_t c = start; c < start + size; ++c) sum += values[c];
    for (int64_t c = start; c < start + size; ++c) values[c] = sum / count;
  }
}

// Mean and inverse deviation of each channel's group. What rounding has left in the mean is taken out with the variance:
// else images of one colour are not zero.
TESSERA_INLINE void statistics(const GroupNorm& norm, const float* x, float* mean, float* inverse, float* rest) {
  const int64_t width = norm.width(), size = norm.channels / norm.groups, stride = norm.channels;
  const float count = static_cast<float>(size * norm.pixels);
  for (int64_t c = 0; c < width; ++c) mean[c] = inverse[c] = rest[c] = 0;
  blocks(norm.pixels, width, [&](int64_t start, int64_t end, int64_t first, auto channels) TESSERA_INLINED {
    Lanes sum = {};
    for (int64_t p = start; p < end; ++p) {
      const float* row = x + p * stride + first;
      for (int64_t c = 0; c < channels; ++c) sum.of[c] += row[c];
    }
    sum.add_to(mean + first, channels);
  });
  over_groups(mean, width, size, count);
  blocks(norm.pixels, width, [&](int64_t start, int64_t end, int64_t first, auto channels) TESSERA_INLINED {
    const Lanes middle = Lanes::load(mean + first, channels);
    Lanes sum = {}, squares = {};
    for (int64_t p = start; p < end; ++p) {
      const float* row = x + p * stride + first;
      for (int64_t c = 0; c < channels; ++c) {
        const float centred = row[c] - middle.of[c];
        sum.of[c] += centred;
        squares.of[c] += centred * centred;
      }
    }
    sum.add_to(rest + first, channels);
    squares.add_to(inverse + first, channels);
  });
  over_groups(rest, width, size, count);
  over_groups(inverse, width, size, count);
  for (int64_t c = 0; c < width; ++c) {
    mean[c] += rest[c];
    const float variance = inverse[c] - rest[c] * rest[c];
    inverse[c] = 1.0f / std::sqrt((variance < 0 ? 0 : variance) + norm.eps);  // a NaN stays
  }
}

TESSERA_INLINE void forward(const GroupNorm& norm, bool silu, int64_t offset, const float* x, float* y) {
  const int64_t width = norm.width(), stride = norm.channels;
  std::vector<float> scratch(3 * width);
  float *mean = scratch.data(), *inverse = mean + width, *rest = inverse + width;
  statistics(norm, x, mean, inverse, rest);
  blocks(norm.pixels, width, [&](int64_t start, int64_t end, int64_t first, auto channels) TESSERA_INLINED {
    const Lanes middle = Lanes::load(mean + first, channels), shift = Lanes::load(norm.bias_C + offset + first, channels);
    Lanes scale = Lanes::load(inverse + first, channels);
    for (int64_t c = 0; c < channels; ++c) scale.of[c] *= norm.weight_C[offset + first + c];
    for (int64_t p = start; p < end; ++p) {
      const float* __restrict row = x + p * stride + first;
      float* __restrict out = y + p * stride + first;
      for (int64_t c = 0; c < channels; ++c) {
        const float z = (row[c] - middle.of[c]) * scale.of[c] + shift.of[c];
        out[c] = silu ? z * sigmoid(z) : z;
      }
    }
  });
}

// d silu(z) / dz times dy
TESSERA_INLINE float through_silu(float z, float dy) {
  const float s = sigmoid(z);
  return dy * (s + z * s * (1.0f - s));
}

TESSERA_INLINE void backward(const GroupNorm& norm, bool silu, int64_t offset, const float* x, const float* dy,
                             float* dx, float* dweight, float* dbias) {
  const int64_t width = norm.width(), size = norm.channels / norm.groups, stride = norm.channels;
  const float* weight = norm.weight_C + offset;
  std::vector<float> scratch(4 * width);
  float *mean = scratch.data(), *inverse = mean + width, *along = inverse + width, *across = along + width;
  statistics(norm, x, mean, inverse, along);
  for (int64_t c = 0; c < width; ++c) dweight[c] = dbias[c] = 0;
  // dx keeps dz, the gradient of what the activation has seen, until all is known.
  blocks(norm.pixels, width, [&](int64_t start, int64_t end, int64_t first, auto channels) TESSERA_INLINED {
    const Lanes middle = Lanes::load(mean + first, channels), unit = Lanes::load(inverse + first, channels);
    const Lanes scale = Lanes::load(weight + first, channels);
    const Lanes shift = Lanes::load(norm.bias_C + offset + first, channels);
    Lanes with_normal = {}, alone = {};
    for (int64_t p = start; p < end; ++p) {
      const float* __restrict row = x + p * stride + first;
      const float* __restrict slope = dy + p * stride + first;
      float* __restrict out = dx + p * stride + first;
      for (int64_t c = 0; c < channels; ++c) {
        const float normal = (row[c] - middle.of[c]) * unit.of[c];
        const float dz = silu ? through_silu(normal * scale.of[c] + shift.of[c], slope[c]) : slope[c];
        out[c] = dz;
        with_normal.of[c] += dz * normal;
        alone.of[c] += dz;
      }
    }
    with_normal.add_to(dweight + first, channels);
    alone.add_to(dbias + first, channels);
  });
  for (int64_t c = 0; c < width; ++c) {
    along[c] = dweight[c] * weight[c];
    across[c] = dbias[c] * weight[c];
  }
  const float count = static_cast<float>(size * norm.pixels);
  over_groups(along, width, size, count);
  over_groups(across, width, size, count);
  blocks(norm.pixels, width, [&](int64_t start, int64_t end, int64_t first, auto channels) TESSERA_INLINED {
    const Lanes middle = Lanes::load(mean + first, channels), unit = Lanes::load(inverse + first, channels);
    const Lanes scale = Lanes::load(weight + first, channels);
    const Lanes pull = Lanes::load(along + first, channels), push = Lanes::load(across + first, channels);
    for (int64_t p = start; p < end; ++p) {
      const float* __restrict row = x + p * stride + first;
      float* __restrict out = dx + p * stride + first;
      for (int64_t c = 0; c < channels; ++c) {
        const float normal = (row[c] - middle.of[c]) * unit.of[c];
        out[c] = (out[c] * scale.of[c] - push.of[c] - normal * pull.of[c]) * unit.of[c];
      }
    }
  });
}

}  // namespace

int64_t GroupNorm::width() const {
  const int64_t size = channels / groups;
  for (int64_t count = 1; count < groups; ++count) {
    if (groups % count == 0 && count * size % LANES == 0) return count * size;
  }
  return channels;
}

TESSERA_CLONES
void group_norm(const GroupNorm& norm, int64_t piece, const float* x_PC, float* y_PC) {
  const int64_t offset = piece * norm.width();
  if (norm.silu) return forward(norm, true, offset, x_PC + offset, y_PC + offset);
  forward(norm, false, offset, x_PC + offset, y_PC + offset);
}

TESSERA_CLONES
void group_norm_gradients(const GroupNorm& norm, int64_t piece, const float* x_PC, const float* dy_PC,
                          const GroupNormGradients& to) {
  const int64_t offset = piece * norm.width();
  const float *x = x_PC + offset, *dy = dy_PC + offset;
  float *dx = to.x_PC + offset, *dweight = to.weight_C + offset, *dbias = to.bias_C + offset;
  if (norm.silu) return backward(norm, true, offset, x, dy, dx, dweight, dbias);
  backward(norm, false, offset, x, dy, dx, dweight, dbias);
}

}  // namespace tessera
