// The C ABI: fences.
#include "arguments.h"
#include "cuda/fence.h"
#include "struct_size.h"

using namespace tio::gds;
using cuda::Stream;

tio_status tio_gds_gpu_open(const tio_gds_gpu_options* options, tio_gds_gpu** gpu) {
    return guarded("tio_gds_gpu_open", [&] {
        require_argument(options, "options");
        require_argument(gpu, "gpu");
        *gpu = nullptr;
        require_struct_size(*options, "tio_gds_gpu_options");
        *gpu = new tio_gds_gpu(*options);
        return TIO_OK;
    });
}

tio_status tio_gds_gpu_get_info(const tio_gds_gpu* gpu, tio_gds_gpu_info* info) {
    return guarded("tio_gds_gpu_get_info", [&] {
        require_argument(gpu, "gpu");
        copy_out(gpu->info(), info, "tio_gds_gpu_info");
        return TIO_OK;
    });
}

tio_status tio_gds_gpu_close(tio_gds_gpu* gpu) {
    return guarded("tio_gds_gpu_close", [&] {
        if (gpu == nullptr) return TIO_OK;
        gpu->close();
        delete gpu;
        return TIO_OK;
    });
}

tio_status tio_gds_fence_create(tio_gds_gpu* gpu, tio_gds_fence** fence) {
    return guarded("tio_gds_fence_create", [&] {
        require_argument(gpu, "gpu");
        require_argument(fence, "fence");
        *fence = nullptr;
        *fence = new tio_gds_fence(*gpu);
        return TIO_OK;
    });
}

tio_status tio_gds_fence_destroy(tio_gds_fence* fence) {
    return guarded("tio_gds_fence_destroy", [&] {
        delete fence;
        return TIO_OK;
    });
}

tio_status tio_gds_fence_record(tio_gds_fence* fence, void* stream) {
    return guarded("tio_gds_fence_record", [&] {
        require_argument(fence, "fence");
        fence->record(static_cast<Stream>(stream));
        return TIO_OK;
    });
}

tio_status tio_gds_fence_arm(tio_gds_fence* fence, uint32_t transfers) {
    return guarded("tio_gds_fence_arm", [&] {
        require_argument(fence, "fence");
        fence->arm(transfers);
        return TIO_OK;
    });
}

tio_status tio_gds_fence_signal(tio_gds_fence* fence, tio_status status, int32_t sys_errno) {
    return guarded("tio_gds_fence_signal", [&] {
        require_argument(fence, "fence");
        if (status > TIO_OK) throw Failure(TIO_E_INVALID, "status is none of TIO_OK and TIO_E_*");
        fence->signal({status, sys_errno});
        return TIO_OK;
    });
}

tio_status tio_gds_fence_make_wait(tio_gds_fence* fence, void* stream, uint32_t* how) {
    return guarded("tio_gds_fence_make_wait", [&] {
        require_argument(how, "how");
        *how = TIO_WAIT_NOT_NEEDED;
        require_argument(fence, "fence");
        *how = fence->make_wait(static_cast<Stream>(stream));
        return TIO_OK;
    });
}

tio_status tio_gds_fence_get_state(const tio_gds_fence* fence, tio_gds_fence_state* state) {
    return guarded("tio_gds_fence_get_state", [&] {
        require_argument(fence, "fence");
        copy_out(fence->state(), state, "tio_gds_fence_state");
        return TIO_OK;
    });
}

tio_status tio_gds_fence_wait(const tio_gds_fence* fence, int32_t timeout_ms) {
    return guarded("tio_gds_fence_wait", [&]() -> tio_status {
        require_argument(fence, "fence");
        return fence->wait(timeout_ms) ? TIO_OK : TIO_E_TIMEOUT;
    });
}
