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
    const auto probe = [&](uint32_t backend, const char* name, void (*attempt)()) {
        try {
            attempt();
            mask |= 1u << backend;
        } catch (const Failure& failure) {
            why += std::string(name) + ": " + failure.what() + ". ";
        }
    };
    probe(TIO_BACKEND_URING, "io_uring", &UringBackend::probe);
    probe(TIO_BACKEND_CUFILE, "cufile", &cufile::CufileBackend::probe);
    probe(TIO_BACKEND_STAGED, "staged", &cuda::StagedBackend::probe);
    if (why.ends_with(' ')) why.pop_back();
    return mask;
}

}  // namespace tio::gds
