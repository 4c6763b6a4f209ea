// The C ABI: files.
#include <string>

#include "arguments.h"
#include "file.h"
#include "struct_size.h"

using namespace tio::gds;

tio_status tio_gds_file_open(const char* path, uint32_t flags, tio_gds_file** file) {
    return guarded("tio_gds_file_open", [&] {
        require_argument(path, "path");
        require_argument(file, "file");
        *file = nullptr;
        *file = new tio_gds_file(std::string(path), flags);
        return TIO_OK;
    });
}

tio_status tio_gds_file_get_info(const tio_gds_file* file, tio_gds_file_info* info) {
    return guarded("tio_gds_file_get_info", [&] {
        require_argument(file, "file");
        copy_out(file->info(), info, "tio_gds_file_info");
        return TIO_OK;
    });
}

tio_status tio_gds_file_allocate(tio_gds_file* file, uint64_t size) {
    return guarded("tio_gds_file_allocate", [&] {
        require_argument(file, "file");
        file->allocate(size);
        return TIO_OK;
    });
}

tio_status tio_gds_file_sync(tio_gds_file* file) {
    return guarded("tio_gds_file_sync", [&] {
        require_argument(file, "file");
        file->sync();
        return TIO_OK;
    });
}

tio_status tio_gds_file_close(tio_gds_file* file) {
    return guarded("tio_gds_file_close", [&] {
        if (file == nullptr) return TIO_OK;
        const uint64_t in_flight = file->requests_in_flight();
        if (in_flight != 0)
            throw Failure(
                TIO_E_INVALID,
                std::to_string(in_flight) + " requests on the file are in flight; collect their completions");
        delete file;
        return TIO_OK;
    });
}
