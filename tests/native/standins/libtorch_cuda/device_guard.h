#pragma once

namespace tio::standin::torch {

// Registers what libtorch asks about devices, streams and events of type CUDA: one device, one stream.
void install_device_guard();

}  // namespace tio::standin::torch
