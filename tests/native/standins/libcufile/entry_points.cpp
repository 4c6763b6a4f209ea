// cuFile's exported names. Built several times, with what releases of different age have:
//   TIO_STANDIN_OLD     1.7: no version call, parameters, statistics or P2P flags, and cuFileDriverClose only
//   TIO_STANDIN_VECTOR  13.4: cuFileReadv, and statistics that grew by its fields
//   TIO_STANDIN_BROKEN  no cuFileRead
#include "machine.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

using namespace tio::standin::cufile;

EXPORTED CUfileError_t cuFileDriverOpen(void) {
    return machine().driver_open();
}
EXPORTED CUfileError_t cuFileDriverClose(void) {
    return machine().driver_close();
}
EXPORTED CUfileError_t cuFileDriverGetProperties(CUfileDrvProps_t* properties) {
    return machine().get_properties(properties);
}
EXPORTED CUfileError_t cuFileDriverSetMaxDirectIOSize(size_t kib) {
    return machine().set_limit("cuFileDriverSetMaxDirectIOSize", kib);
}
EXPORTED CUfileError_t cuFileDriverSetMaxCacheSize(size_t kib) {
    return machine().set_limit("cuFileDriverSetMaxCacheSize", kib);
}
EXPORTED CUfileError_t cuFileDriverSetMaxPinnedMemSize(size_t kib) {
    return machine().set_limit("cuFileDriverSetMaxPinnedMemSize", kib);
}
EXPORTED CUfileError_t cuFileHandleRegister(void** handle, CUfileDescr_t* descriptor) {
    return machine().handle_register(handle, descriptor);
}
EXPORTED void cuFileHandleDeregister(void* handle) {
    machine().handle_deregister(handle);
}
EXPORTED CUfileError_t cuFileBufRegister(const void* base, size_t bytes, int flags) {
    return machine().buffer_register(base, bytes, flags);
}
EXPORTED CUfileError_t cuFileBufDeregister(const void* base) {
    return machine().buffer_deregister(base);
}
#ifndef TIO_STANDIN_BROKEN
EXPORTED ssize_t cuFileRead(void* handle, void* base, size_t bytes, off_t file_offset, off_t memory_offset) {
    return machine().transfer(Transfer{false, handle, base, bytes, file_offset, memory_offset}, true);
}
#endif
EXPORTED ssize_t cuFileWrite(void* handle, const void* base, size_t bytes, off_t file_offset,
                             off_t memory_offset) {
    return machine().transfer(
        Transfer{true, handle, const_cast<void*>(base), bytes, file_offset, memory_offset}, true);
}
EXPORTED CUfileError_t cuFileBatchIOSetUp(void** batch, unsigned entries) {
    return machine().batch_set_up(batch, entries);
}
EXPORTED CUfileError_t cuFileBatchIOSubmit(void* batch, unsigned count, CUfileIOParams_t* entries,
                                           unsigned flags) {
    return machine().batch_submit(batch, count, entries, flags);
}
EXPORTED CUfileError_t cuFileBatchIOGetStatus(void* batch, unsigned least, unsigned* count,
                                              CUfileIOEvents_t* events, timespec*) {
    return machine().batch_get_status(batch, least, count, events);
}
EXPORTED CUfileError_t cuFileBatchIOCancel(void* batch) {
    return machine().batch_cancel(batch);
}
EXPORTED void cuFileBatchIODestroy(void* batch) {
    machine().batch_destroy(batch);
}
EXPORTED CUfileError_t cuFileStreamRegister(void* stream, unsigned flags) {
    return machine().stream_register(stream, flags);
}
EXPORTED CUfileError_t cuFileStreamDeregister(void* stream) {
    return machine().stream_deregister(stream);
}
EXPORTED CUfileError_t cuFileReadAsync(void* handle, void* base, size_t* bytes, off_t* file_offset,
                                       off_t* memory_offset, ssize_t* done, void* stream) {
    return machine().transfer_async("cuFileReadAsync", false, handle, base, bytes, file_offset, memory_offset,
                                    done, stream);
}
EXPORTED CUfileError_t cuFileWriteAsync(void* handle, void* base, size_t* bytes, off_t* file_offset,
                                        off_t* memory_offset, ssize_t* done, void* stream) {
    return machine().transfer_async("cuFileWriteAsync", true, handle, base, bytes, file_offset, memory_offset,
                                    done, stream);
}

#ifndef TIO_STANDIN_OLD
EXPORTED CUfileError_t cuFileDriverClose_v2(void) {
    return machine().driver_close();
}
EXPORTED CUfileError_t cuFileGetVersion(int* version) {
    return machine().get_version(version);
}
EXPORTED CUfileError_t cuFileSetParameterSizeT(int parameter, size_t value) {
    return machine().set_size(parameter, value);
}
EXPORTED CUfileError_t cuFileGetParameterSizeT(int parameter, size_t* value) {
    return machine().get_size(parameter, value);
}
EXPORTED CUfileError_t cuFileSetParameterBool(int parameter, bool value) {
    return machine().set_bool(parameter, value);
}
EXPORTED CUfileError_t cuFileGetParameterBool(int parameter, bool* value) {
    return machine().get_bool(parameter, value);
}
EXPORTED CUfileError_t cuFileSetParameterString(int parameter, const char* value) {
    return machine().set_string(parameter, value);
}
EXPORTED CUfileError_t cuFileSetStatsLevel(int level) {
    return machine().set_statistics_level(level);
}
EXPORTED CUfileError_t cuFileStatsStart(void) {
    return machine().statistics_switch("cuFileStatsStart", true);
}
EXPORTED CUfileError_t cuFileStatsStop(void) {
    return machine().statistics_switch("cuFileStatsStop", false);
}
EXPORTED CUfileError_t cuFileGetStatsL3(void* statistics) {
#ifdef TIO_STANDIN_VECTOR
    return machine().get_statistics(true, statistics);
#else
    return machine().get_statistics(false, statistics);
#endif
}
EXPORTED CUfileError_t cuFileDriverGetP2PFlags(int target, int* flags) {
    return machine().get_p2p_flags(target, flags);
}
#endif
#ifdef TIO_STANDIN_VECTOR
// Only whether it is there matters: the shim does not call it.
EXPORTED ssize_t cuFileReadv(void) {
    return -1;
}
#endif
