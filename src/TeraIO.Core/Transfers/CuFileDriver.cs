using System.Runtime.InteropServices;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;

namespace TeraIO.Core.Transfers;

/// <summary>The process's cuFile driver, as far as it is one for all stores: its settings and its counters. Thread-safe.</summary>
internal static unsafe class CuFileDriver
{
    private static readonly Lock _opening = new();
    private static readonly CuFileOptions _asConfigured = new();
    private static CuFileOptions _settings = _asConfigured;

    /// <summary>Whether a store with these settings can open now.</summary>
    /// <exception cref="ConfigurationException">The driver is open with other ones.</exception>
    public static void Require(CuFileOptions settings)
    {
        NativeMethods.Gds.EnsureLoaded();
        lock (_opening)
            Configure(settings.OfDriver);
    }

    /// <summary>Makes a queue that uses cuFile, whose driver opens with these settings if it is not open with them already.</summary>
    /// <param name="settings">Null: as cufile.json has it, or as the driver is open.</param>
    /// <param name="create">Returns the status of making the queue.</param>
    /// <exception cref="ConfigurationException">The driver is open with other settings.</exception>
    public static TransferStatus Open(CuFileOptions? settings, Func<TransferStatus> create)
    {
        // From the settings to the driver's opening: another store's could come in between.
        lock (_opening)
        {
            Configure(settings?.OfDriver);
            return create();
        }
    }

    /// <summary>Null where there is nothing counted: an old libcufile, no open driver, or counting was never switched on.</summary>
    public static CuFileStatistics? ReadStatistics()
    {
        var native = new GdsCuFileStatistics { StructSize = (uint)sizeof(GdsCuFileStatistics) };
        if (NativeMethods.Gds.CuFileGetStatistics(&native) != TransferStatus.Ok)
            return null;
        return new CuFileStatistics
        {
            Reads = (long)native.Reads,
            FailedReads = (long)native.FailedReads,
            BytesRead = new ByteSize((long)native.ReadBytes),
            Writes = (long)native.Writes,
            FailedWrites = (long)native.FailedWrites,
            BytesWritten = new ByteSize((long)native.WrittenBytes),
            ThroughPciP2pDma = (long)(native.P2pDmaReads + native.P2pDmaWrites),
            ThroughNvidiaFs = (long)(native.NvidiaFsReads + native.NvidiaFsWrites),
            ThroughHostMemory = (long)(native.PosixReads + native.PosixWrites),
        };
    }

    /// <summary>Switches counting on, until <see cref="EndStatistics"/>; a queue that uses cuFile is open.</summary>
    /// <returns>Whether libcufile counts.</returns>
    /// <exception cref="ConfigurationException">It counts and does not begin to.</exception>
    public static bool BeginStatistics()
    {
        var status = NativeMethods.Gds.CuFileCollectStatistics(on: 1);
        if (status is not (TransferStatus.Ok or TransferStatus.Unsupported))
            throw new ConfigurationException($"cuFile does not count: {NativeMethods.Gds.LastError()}. Set CuFileOptions.CollectStatistics to false.");
        return status == TransferStatus.Ok;
    }

    public static void EndStatistics() => _ = NativeMethods.Gds.CuFileCollectStatistics(on: 0);

    private static void Configure(CuFileOptions? settings)
    {
        var wanted = settings ?? _asConfigured;
        nint log = Marshal.StringToCoTaskMemUTF8(wanted.LogDirectory);
        try
        {
            var native = new GdsCuFileOptions
            {
                StructSize = (uint)sizeof(GdsCuFileOptions),
                AllowCompatibility = Switch(wanted.AllowCompatibility),
                UsePciP2pDma = Switch(wanted.UsePciP2pDma),
                MaxDirectIoBytes = Bytes(wanted.MaxDirectIo),
                MaxDeviceCacheBytes = Bytes(wanted.DeviceCache),
                MaxPinnedBytes = Bytes(wanted.PinnedMemory),
                RegistrationBudgetBytes = Bytes(wanted.RegistrationBudget),
                LogDirectory = log,
            };
            if (NativeMethods.Gds.CuFileConfigure(&native) == TransferStatus.Ok)
            {
                _settings = wanted;
                return;
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(log);
        }

        // The driver is open: nothing else is refused of settings that are validated.
        if (settings is not null && settings != _settings)
        {
            throw new ConfigurationException(
                "StoreOptions.CuFile has other settings than cuFile was opened with in this process, which holds for all its stores: give them the same StoreOptions.CuFile, or dispose the others first.");
        }
    }

    private static uint Switch(bool? value) => value switch { null => 0, true => 1, false => 2 };

    private static ulong Bytes(ByteSize? size) => (ulong)(size?.Bytes ?? 0);
}
