#pragma once

namespace tio::standin::torch {

// Makes at::detail::getCUDAHooks() answer as a build with CUDA does.
void install_hooks();

}  // namespace tio::standin::torch
