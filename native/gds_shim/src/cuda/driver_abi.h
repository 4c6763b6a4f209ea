// What is used of the CUDA driver's binary interface, declared here because no CUDA header is needed to
// build.
//
// Values and signatures as in NVIDIA's cuda.h (stable since the release that each symbol's suffix stands
// for); the manual is at https://docs.nvidia.com/cuda/cuda-driver-api/.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUctx_st;
struct CUstream_st;
struct CUevent_st;
struct CUmod_st;
struct CUfunc_st;

namespace tio::gds::cuda {

using Result = int;              // CUresult
using Device = int;              // CUdevice
using DevicePointer = uint64_t;  // CUdeviceptr on 64-bit systems
using Context = CUctx_st*;       // CUcontext
using Stream = CUstream_st*;     // CUstream; nullptr is the legacy default stream of the current context
using Event = CUevent_st*;       // CUevent
using Module = CUmod_st*;        // CUmodule
using Function = CUfunc_st*;     // CUfunction
using HostFunction = void (*)(void*);  // CUhostFn

inline constexpr Result success = 0;
inline constexpr Result error_invalid_value = 1;
inline constexpr Result error_out_of_memory = 2;
inline constexpr Result error_not_initialized = 3;
inline constexpr Result error_no_device = 100;
inline constexpr Result error_invalid_device = 101;
inline constexpr Result error_invalid_context = 201;
inline constexpr Result error_invalid_ptx = 218;
inline constexpr Result error_invalid_handle = 400;
inline constexpr Result error_not_found = 500;
inline constexpr Result error_not_ready = 600;
inline constexpr Result error_illegal_address = 700;
inline constexpr Result error_host_memory_already_registered = 712;
inline constexpr Result error_host_memory_not_registered = 713;
inline constexpr Result error_launch_failed = 719;
inline constexpr Result error_not_supported = 801;

inline constexpr unsigned stream_non_blocking = 1;  // CU_STREAM_NON_BLOCKING

inline constexpr unsigned event_blocking_sync = 1;   // CU_EVENT_BLOCKING_SYNC: cuEventSynchronize sleeps
inline constexpr unsigned event_disable_timing = 2;  // CU_EVENT_DISABLE_TIMING

inline constexpr unsigned host_register_portable =
    1;  // CU_MEMHOSTREGISTER_PORTABLE: pinned for every context
inline constexpr unsigned host_register_device_map = 2;  // CU_MEMHOSTREGISTER_DEVICEMAP

inline constexpr unsigned wait_value_geq = 0;  // CU_STREAM_WAIT_VALUE_GEQ: (int32_t)(*address - value) >= 0

// CUdevice_attribute
inline constexpr int device_pci_bus = 33;     // CU_DEVICE_ATTRIBUTE_PCI_BUS_ID
inline constexpr int device_pci_slot = 34;    // CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID
inline constexpr int device_pci_domain = 50;  // CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID

// CUjit_option
inline constexpr int jit_error_log_buffer = 5;
inline constexpr int jit_error_log_buffer_bytes = 6;

// CUpointer_attribute
inline constexpr int pointer_context = 1;
inline constexpr int pointer_memory_type = 2;
inline constexpr int pointer_buffer_id = 7;
inline constexpr int pointer_is_managed = 8;
inline constexpr int pointer_device_ordinal = 9;
inline constexpr int pointer_range_start = 11;
inline constexpr int pointer_range_size = 12;

// CUmemorytype
inline constexpr unsigned memory_type_host = 1;
inline constexpr unsigned memory_type_device = 2;

}  // namespace tio::gds::cuda
