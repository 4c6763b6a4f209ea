#include "cufile/cufile_backend.h"

#include <algorithm>
#include <cerrno>

#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

const cuda::Driver& cuda_with_a_device() {
    const cuda::Driver& driver = cuda::Driver::shared();
    if (driver.device_count() == 0) throw Failure(TIO_E_UNSUPPORTED, "the CUDA driver sees no GPU");
    return driver;
}

}  // namespace

CufileBackend::CufileBackend(Scheduler& scheduler, uint32_t queue_depth)
    : cuda_(cuda_with_a_device()),
      contexts_(cuda_),
      workers_(scheduler, std::min(queue_depth, most_workers),
               [this](Chunk& chunk) { return transfer(chunk); }) {}

CufileBackend::~CufileBackend() {
    workers_.shut_down();
    for (uint32_t index = 0; index < most_buffers; ++index) {
        try {
            if (buffers_[index].base != nullptr) unregister_buffer(index);
        } catch (const Failure&) {
            // The queue is going and nobody is left to tell; the driver's close deregisters once more.
        }
    }
}

void CufileBackend::probe() {
    cuda_with_a_device();
    const DriverUse opened;
}

void CufileBackend::register_buffer(uint32_t index, std::byte* base, size_t length) {
    const DeviceContexts::Location location = contexts_.locate(base);
    const cuda::CurrentContext current(contexts_.of(location.device));
    const BufferRegistry::Range range = driver_->buffers().acquire(base, length, location.allocation);
    buffers_[index] = Buffer{range.base, location.device};
}

void CufileBackend::unregister_buffer(uint32_t index) {
    const Buffer buffer = buffers_[index];
    buffers_[index] = Buffer{};
    const cuda::CurrentContext current(contexts_.of(buffer.device));
    driver_->buffers().release(buffer.base);
}

Outcome CufileBackend::transfer(Chunk& chunk) noexcept {
    // The queue pads direct transfers for the CPU's bounce chunks; behind device memory there may be nothing.
    chunk.io_bytes = chunk.payload_bytes;
    Target target;
    Outcome outcome = aim(chunk, target);
    if (outcome.status != TIO_OK) return outcome;
    while (transfer_blocks(chunk, target, outcome) == NextStep::resubmit) {
    }
    return outcome;
}

Outcome CufileBackend::aim(const Chunk& chunk, Target& target) noexcept {
    try {
        const Request& request = *chunk.request;
        if (request.buffer_index != TIO_NO_BUFFER) {
            const Buffer& buffer = buffers_[request.buffer_index];
            target.base = const_cast<std::byte*>(buffer.base);
            target.offset = chunk.memory - buffer.base;
            contexts_.enter(buffer.device);
        } else {
            target.base = chunk.memory;
            contexts_.enter(contexts_.locate(chunk.memory).device);
        }
        const Error error = driver_->files().handle_of(*request.file, target.file);
        return error.code == success ? Outcome{} : Outcome{TIO_E_DEVICE, error.code};
    } catch (const Failure& failure) {
        return {failure.status(), 0};
    } catch (const std::bad_alloc&) {
        return {TIO_E_NOMEM, 0};
    } catch (...) {
        return {TIO_E_INTERNAL, 0};
    }
}

// Moves the whole blocks that are left, or what follows the last of them: so that an odd length costs the
// direct path one block, not the chunk.
NextStep CufileBackend::transfer_blocks(Chunk& chunk, const Target& target, Outcome& outcome) const noexcept {
    const uint32_t left = chunk.transfer_bytes();
    const uint32_t blocks = left - left % block_bytes;
    const uint32_t bytes = blocks != 0 ? blocks : left;
    const auto file_offset = static_cast<off_t>(chunk.transfer_offset());
    const off_t memory_offset = target.offset + chunk.resume_at;
    const EntryPoints& call = driver_->library().call();
    errno = 0;
    const ssize_t result = chunk.is_write()
                               ? call.write(target.file, target.base, bytes, file_offset, memory_offset)
                               : call.read(target.file, target.base, bytes, file_offset, memory_offset);
    const int code = result < 0 ? code_of_result(result, errno) : 0;
    if (code > error_base) {
        outcome = {TIO_E_DEVICE, code};
        return NextStep::finish;
    }
    if (code == 0 && result == bytes && bytes < left) {
        chunk.resume_at += bytes;
        chunk.reached_bytes = chunk.resume_at;
        return NextStep::resubmit;
    }
    return advance(chunk, code != 0 ? -code : result, outcome);
}

}  // namespace tio::gds::cufile
