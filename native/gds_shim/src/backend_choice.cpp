#include "backend.h"
#include "cufile/cufile_backend.h"
#include "failure.h"
#include "thread_backend.h"
#include "uring_backend.h"

namespace tio::gds {

std::unique_ptr<Backend> make_backend(uint32_t kind, Scheduler& scheduler, uint32_t queue_depth) {
    switch (kind) {
        case TIO_BACKEND_AUTO:
            try {
                return std::make_unique<UringBackend>(scheduler, queue_depth);
            } catch (const Failure&) {
                // The refusal is not lost: tio_gds_queue_backend shows the choice, available_backends the
                // reason.
                return std::make_unique<ThreadBackend>(scheduler, queue_depth);
            }
        case TIO_BACKEND_URING:
            return std::make_unique<UringBackend>(scheduler, queue_depth);
        case TIO_BACKEND_THREADS:
            return std::make_unique<ThreadBackend>(scheduler, queue_depth);
        case TIO_BACKEND_CUFILE:
            return std::make_unique<cufile::CufileBackend>(scheduler, queue_depth);
        case TIO_BACKEND_STAGED:
            throw Failure(TIO_E_UNSUPPORTED,
                          "this build has no staged GPU backend; use TIO_BACKEND_AUTO, _URING or _THREADS "
                          "with host memory");
        default:
            throw Failure(TIO_E_INVALID, "backend " + std::to_string(kind) + " is none of TIO_BACKEND_*");
    }
}

uint32_t available_backends(std::string& why) {
    uint32_t mask = (1u << TIO_BACKEND_AUTO) | (1u << TIO_BACKEND_THREADS);
    try {
        UringBackend::probe();
        mask |= 1u << TIO_BACKEND_URING;
    } catch (const Failure& failure) {
        why += std::string("io_uring: ") + failure.what() + ". ";
    }
    try {
        cufile::CufileBackend::probe();
        mask |= 1u << TIO_BACKEND_CUFILE;
    } catch (const Failure& failure) {
        why += std::string("cufile: ") + failure.what() + ". ";
    }
    why += "staged: this build has no staged GPU backend.";
    return mask;
}

}  // namespace tio::gds
