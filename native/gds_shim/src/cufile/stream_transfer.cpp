#include "cufile/stream_transfer.h"

#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

void require_streams(const Library& library) {
    if ((library.capabilities() & TIO_CUFILE_CAN_STREAM) == 0)
        throw Failure(TIO_E_UNSUPPORTED,
                      "libcufile " + library.version_text() +
                          " has no stream-ordered transfers; they came with 1.7 (CUDA 12.2)");
}

}  // namespace

RegisteredStream::RegisteredStream(const Library& library, Stream stream, unsigned flags)
    : library_(library), stream_(stream) {
    require_streams(library);
    require_success("cuFileStreamRegister", library_.call().stream_register(stream, flags));
}

RegisteredStream::~RegisteredStream() {
    library_.call().stream_deregister(stream_);
}

StreamTransfer::StreamTransfer(const Library& library, const DriverProperties& properties, bool is_write,
                               Handle file, void* memory_base, size_t bytes, off_t file_offset,
                               off_t memory_offset, Stream stream)
    : is_write_(is_write), cells_(new Cells{bytes, file_offset, memory_offset}) {
    require_streams(library);
    if ((properties.feature_flags >> feature_streams & 1) == 0)
        throw Failure(TIO_E_UNSUPPORTED,
                      "cuFile's driver has stream-ordered transfers turned off; in cufile.json set "
                      "parallel_io to true and "
                      "max_io_threads above 0");
    const auto enqueue = is_write ? library.call().write_async : library.call().read_async;
    require_success(is_write ? "cuFileWriteAsync" : "cuFileReadAsync",
                    enqueue(file, memory_base, &cells_->bytes, &cells_->file_offset, &cells_->memory_offset,
                            &cells_->done, stream));
}

uint64_t StreamTransfer::result() const {
    const ssize_t done = cells_->done;
    if (done >= 0) return static_cast<uint64_t>(done);
    const std::string what = is_write_ ? "cuFileWriteAsync" : "cuFileReadAsync";
    // errno went with the thread of cuFile's that had it: -1 says no more than that the file system failed.
    const int code = code_of_result(done, 0);
    if (code > error_base) throw failure_of(what, Error{code, 0});
    throw Failure::from_errno(what, code);
}

}  // namespace tio::gds::cufile
