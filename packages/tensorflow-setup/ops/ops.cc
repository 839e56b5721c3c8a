// TensorFlow's ops for the kernels beside this file.
#include <algorithm>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "group_norm.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"

namespace tessera {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::InferenceContext;

// Runs `work` for 0 .. count-1 on all threads; each costs so many nanoseconds.
void parallel(OpKernelContext* context, int64_t count, int64_t cost, const std::function<void(int64_t)>& work) {
  const auto& threads = *context->device()->tensorflow_cpu_worker_threads();
  tensorflow::Shard(threads.num_threads, threads.workers, count, cost, [&](int64_t start, int64_t end) {
    for (int64_t i = start; i < end; ++i) work(i);
  });
}

const float* floats(const Tensor& tensor) { return tensor.flat<float>().data(); }
float* floats(Tensor* tensor) { return tensor->flat<float>().data(); }

class GroupNormBase : public OpKernel {
 public:
  explicit GroupNormBase(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("groups", &groups_));
    OP_REQUIRES_OK(context, context->GetAttr("eps", &eps_));
    OP_REQUIRES_OK(context, context->GetAttr("silu", &silu_));
  }

 protected:
  // Reads inputs 0 to 2: x [B, .., C], weight [C], bias [C].
  absl::Status read(OpKernelContext* context, GroupNorm* norm) const {
    const Tensor &x = context->input(0), &weight = context->input(1), &bias = context->input(2);
    const int64_t channels = x.dims() < 2 ? 0 : x.dim_size(x.dims() - 1);
    if (channels == 0 || groups_ < 1 || channels % groups_ != 0 || weight.shape() != TensorShape({channels}) ||
        bias.shape() != TensorShape({channels})) {
      return absl::InvalidArgumentError(absl::StrCat(
          "got images ", x.shape().DebugString(), ", weight ", weight.shape().DebugString(), ", bias ",
          bias.shape().DebugString(), " and ", groups_, " groups; expected [B, .., C], [C], [C] and a divisor of C"));
    }
    const int64_t image = std::max<int64_t>(1, x.dim_size(0) * channels);
    *norm = {x.NumElements() / image, channels, groups_, eps_, silu_, floats(weight), floats(bias)};
    return absl::OkStatus();
  }

 private:
  int64_t groups_;
  float eps_;
  bool silu_;
};

// Nanoseconds of a value, forward and backward: measured.
constexpr int64_t FORWARD = 1, BACKWARD = 2;

class GroupNormOp : public GroupNormBase {
 public:
  using GroupNormBase::GroupNormBase;
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    GroupNorm norm;
    OP_REQUIRES_OK(context, read(context, &norm));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    const int64_t pieces = norm.pieces(), image = norm.pixels * norm.channels;
    parallel(context, x.dim_size(0) * pieces, FORWARD * image / pieces, [&](int64_t i) {
      const int64_t start = i / pieces * image;
      group_norm(norm, i % pieces, floats(x) + start, floats(y) + start);
    });
  }
};

class GroupNormGradientsOp : public GroupNormBase {
 public:
  using GroupNormBase::GroupNormBase;
  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &dy = context->input(3);
    GroupNorm norm;
    OP_REQUIRES_OK(context, read(context, &norm));
    OP_REQUIRES(context, dy.shape() == x.shape(),
                absl::InvalidArgumentError(absl::StrCat("got dy ", dy.shape().DebugString(), "; expected the shape of x, ",
                                                        x.shape().DebugString())));
    Tensor *dx = nullptr, *dweight = nullptr, *dbias = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({norm.channels}), &dweight));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({norm.channels}), &dbias));
    const int64_t images = x.dim_size(0), pieces = norm.pieces(), image = norm.pixels * norm.channels;
    std::vector<float> weight_BC(images * norm.channels), bias_BC(images * norm.channels);
    parallel(context, images * pieces, BACKWARD * image / pieces, [&](int64_t i) {
      const int64_t b = i / pieces;
      group_norm_gradients(norm, i % pieces, floats(x) + b * image, floats(dy) + b * image,
                           {floats(dx) + b * image, &weight_BC[b * norm.channels], &bias_BC[b * norm.channels]});
    });
    sum_over_images(weight_BC, norm.channels, floats(dweight));
    sum_over_images(bias_BC, norm.channels, floats(dbias));
  }

 private:
  static void sum_over_images(const std::vector<float>& values_BC, int64_t channels, float* sum_C) {
    std::fill(sum_C, sum_C + channels, 0.0f);
    for (size_t i = 0; i < values_BC.size(); ++i) sum_C[i % channels] += values_BC[i];
  }
};

REGISTER_OP("TesseraGroupNorm")
    .Input("x: float")
    .Input("weight: float")
    .Input("bias: float")
    .Output("y: float")
    .Attr("groups: int")
    .Attr("eps: float")
    .Attr("silu: bool")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->input(0));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraGroupNorm").Device(tensorflow::DEVICE_CPU), GroupNormOp);

REGISTER_OP("TesseraGroupNormGradients")
    .Input("x: float")
    .Input("weight: float")
    .Input("bias: float")
    .Input("dy: float")
    .Output("dx: float")
    .Output("dweight: float")
    .Output("dbias: float")
    .Attr("groups: int")
    .Attr("eps: float")
    .Attr("silu: bool")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->input(0));
      context->set_output(1, context->input(1));
      context->set_output(2, context->input(2));
      return absl::OkStatus();
    });
REGISTER_KERNEL_BUILDER(Name("TesseraGroupNormGradients").Device(tensorflow::DEVICE_CPU), GroupNormGradientsOp);

}  // namespace
}  // namespace tessera
