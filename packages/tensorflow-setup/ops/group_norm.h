// Group normalisation with or without SiLU, and its gradients, over images [B, P, C]: P pixels, C channels last.
#pragma once
#include <cstdint>

namespace tessera {

struct GroupNorm {
  int64_t pixels;
  int64_t channels;
  int64_t groups;
  float eps;
  bool silu;
  const float* weight_C;
  const float* bias_C;

  // Channels that are computed together: the fewest whole groups that fill vectors, else all.
  int64_t width() const;
  // Pieces of one image that do not depend on each other.
  int64_t pieces() const { return channels / width(); }
};

// y = silu(weight normal + bias), for one piece of one image.
void group_norm(const GroupNorm& norm, int64_t piece, const float* x_PC, float* y_PC);

// The gradients of one piece of one image. Those of weight and bias are this image's alone.
struct GroupNormGradients {
  float* x_PC;
  float* weight_C;
  float* bias_C;
};
void group_norm_gradients(const GroupNorm& norm, int64_t piece, const float* x_PC, const float* dy_PC,
                          const GroupNormGradients& gradients);

}  // namespace tessera
