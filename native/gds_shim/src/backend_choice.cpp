#include "backend.h"
#include "cuda/staged_backend.h"
#include "cufile/cufile_backend.h"
#include "failure.h"
#include "thread_backend.h"
#include "uring_backend.h"

namespace tio::gds {

std::unique_ptr<Backend> make_backend(const tio_gds_queue_options& options, Scheduler& scheduler,
                                      uint32_t queue_depth) {
    switch (options.backend) {
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
            return std::make_unique<cuda::StagedBackend>(
                scheduler, queue_depth, static_cast<int>(options.device), options.pinned_bytes);
        default:
            throw Failure(TIO_E_INVALID,
                          "backend " + std::to_string(options.backend) + " is none of TIO_BACKEND_*");
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
    try {
        cuda::StagedBackend::probe();
        mask |= 1u << TIO_BACKEND_STAGED;
    } catch (const Failure& failure) {
        why += std::string("staged: ") + failure.what() + ". ";
    }
    if (why.ends_with(' ')) why.pop_back();
    return mask;
}

}  // namespace tio::gds
