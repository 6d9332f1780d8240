#pragma once
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "dtypefuzz/dtype.h"

// What a thread does round each operator that it calls; not round those that these call.
namespace dtypefuzz {

/// Whatever makes tensors makes them on meta: `module->to(torch::kMeta)` throws in C++, so the `device`
/// argument of factories is rewritten instead.
class MadeOnMeta {
 public:
  MadeOnMeta();
  ~MadeOnMeta();

 private:
  c10::impl::IncludeDispatchKeyGuard intercepted_;
};

/// What each operator gives in float32 is rounded to this dtype, and stays float32: numbers as they are where
/// every operator works in float32 and rounds once.
class Rounded {
 public:
  explicit Rounded(Dtype);
  ~Rounded();

 private:
  c10::impl::IncludeDispatchKeyGuard intercepted_;
};

}  // namespace dtypefuzz
