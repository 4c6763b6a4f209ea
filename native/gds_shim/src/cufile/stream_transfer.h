// cuFile's stream-ordered transfers: after what is in a CUDA stream, before what comes, and no host thread
// waits.
#pragma once

#include <cstdint>
#include <memory>

#include "cufile/library.h"

namespace tio::gds::cufile {

// Tells cuFile of a stream beforehand, which it otherwise finds out in each transfer; registering waits for
// the stream. The driver is open, and a context is current on the thread.
class RegisteredStream {
  public:
    // `flags`: stream_*; with the FIXED ones cuFile reads size and offsets when a transfer is enqueued and
    // not when it runs. Throws Failure: TIO_E_UNSUPPORTED before cuFile 1.7.
    RegisteredStream(const Library& library, Stream stream, unsigned flags);
    ~RegisteredStream();
    RegisteredStream(const RegisteredStream&) = delete;
    RegisteredStream& operator=(const RegisteredStream&) = delete;

  private:
    const Library& library_;
    Stream stream_;
};

// One transfer in a stream. cuFile reads its arguments when the stream comes to it and writes the result
// then: the cells are on the heap and must outlive that.
class StreamTransfer {
  public:
    // Enqueues it. Throws Failure: TIO_E_UNSUPPORTED before 1.7, or where the driver has streams turned off
    // (parallel_io, max_io_threads); then nothing is enqueued.
    StreamTransfer(const Library& library, const DriverProperties& properties, bool is_write, Handle file,
                   void* memory_base, size_t bytes, off_t file_offset, off_t memory_offset, Stream stream);
    // Only after the stream has passed it: until then it belongs to the GPU.
    ~StreamTransfer() = default;
    StreamTransfer(const StreamTransfer&) = delete;
    StreamTransfer& operator=(const StreamTransfer&) = delete;

    // After the stream was synchronised past it. Bytes that were moved; fewer than asked for are no error
    // here. Throws Failure for a failed transfer.
    uint64_t result() const;

  private:
    struct Cells {
        size_t bytes;
        off_t file_offset;
        off_t memory_offset;
        ssize_t done = 0;  // cuFile wants it 0 beforehand
    };

    const bool is_write_;
    std::unique_ptr<Cells> cells_;
};

}  // namespace tio::gds::cufile
