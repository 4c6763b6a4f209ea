using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using TeraIO.Core.Interop;

namespace TeraIO.Core.Storage;

/// <summary>
/// The private directory <c>teraio-&lt;pid&gt;-&lt;random&gt;</c> (0700) of one store in one path. Its file <c>owner.lock</c> is locked
/// (flock) for as long as the process lives; the kernel drops the lock however the process ends. So a directory whose lock can be
/// taken is dead, whatever runs under its pid now.
/// </summary>
internal sealed partial class StoreDirectory : IDisposable
{
    private const string StoreFileName = "store.bin";
    private const string OwnerFileName = "owner.lock";
    private const int Attempts = 8;

    private static readonly ConcurrentDictionary<StoreDirectory, bool> _live = new();

    private readonly SafeFileHandle _owner;
    private readonly ILogger _logger;

    static StoreDirectory() => AppDomain.CurrentDomain.ProcessExit += static (_, _) =>
    {
        foreach (var directory in _live.Keys)
            directory.Dispose();
    };

    private StoreDirectory(string fullPath, SafeFileHandle owner, ILogger logger)
    {
        FullPath = fullPath;
        _owner = owner;
        _logger = logger;
        _live[this] = true;
    }

    public string FullPath { get; }

    /// <summary>Where the store's bytes go.</summary>
    public string StoreFilePath => Path.Combine(FullPath, StoreFileName);

    /// <summary>Removes what dead runs left in <paramref name="path"/>, then creates this run's directory there.</summary>
    /// <exception cref="ConfigurationException">The path is missing, no directory or not writable; nothing is left behind.</exception>
    public static StoreDirectory Create(string path, ILogger logger)
    {
        RequireDirectory(path);
        try
        {
            RemoveDead(path, logger);
            for (int attempt = 0; attempt < Attempts; attempt++)
            {
                if (TryCreate(path, logger) is { } directory)
                    return directory;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException(
                $"The store path {path} is not writable: {e.Message} Make it writable for this user or choose another directory.", e)
            { Path = path };
        }
        throw new ConfigurationException($"No private directory could be kept in {path}: something removes it at once. Choose another directory.")
        { Path = path };
    }

    /// <summary>Removes the directory, then lets go of its lock. Open files in it live on until closed.</summary>
    public void Dispose()
    {
        if (!_live.TryRemove(this, out _))
            return;
        try
        {
            Remove(FullPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Once its lock is gone, the next store in the same path tries again.
            _logger.LogWarning(e, "The store directory {Path} could not be removed", FullPath);
        }
        _owner.Dispose();
    }

    private static void RequireDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        throw new ConfigurationException(File.Exists(path)
            ? $"The store path {path} is a file. Name a directory."
            : $"The store path {path} does not exist. Create the directory (mkdir -p) or choose another.")
        { Path = path };
    }

    /// <returns>Null when another process's clean-up took the directory for dead before its lock was held.</returns>
    private static StoreDirectory? TryCreate(string parent, ILogger logger)
    {
        if (OperatingSystem.IsWindows())
            throw new ConfigurationException("A tensor store needs Linux: its ownership locks and file modes are Unix ones.");
        var name = string.Create(CultureInfo.InvariantCulture, $"teraio-{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(16, lowercase: true)}");
        var path = Path.Combine(parent, name);
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        SafeFileHandle? owner = null;
        try
        {
            var ownerPath = Path.Combine(path, OwnerFileName);
            owner = NativeMethods.LibC.OpenLockFile(ownerPath, create: true);
            // Between mkdir and the lock a clean-up may have seen a dead directory here: then the name is gone, or about to go.
            if (owner is not null && NativeMethods.LibC.TryLock(owner) && File.Exists(ownerPath))
                return new StoreDirectory(path, owner, logger);
        }
        catch
        {
            owner?.Dispose();
            Remove(path);
            throw;
        }
        owner?.Dispose();
        return null;
    }

    private static void RemoveDead(string parent, ILogger logger)
    {
        foreach (var path in Directory.EnumerateDirectories(parent, "teraio-*"))
        {
            // A link could point the removal anywhere. LinkTarget, unlike ResolveLinkTarget, bears that the directory is gone meanwhile.
            if (!OwnName().IsMatch(Path.GetFileName(path)) || new DirectoryInfo(path).LinkTarget is not null)
                continue;
            try
            {
                RemoveIfDead(path, logger);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                logger.LogWarning(e, "The directory {Path} of another run could not be examined or removed", path);
            }
        }
    }

    private static void RemoveIfDead(string path, ILogger logger)
    {
        using var owner = NativeMethods.LibC.OpenLockFile(Path.Combine(path, OwnerFileName), create: false);
        if (owner is null)
        {
            // The owner file goes last, so nothing of value is in here; if its run is just being born, it tries another name.
            RemoveEmpty(path);
        }
        else if (NativeMethods.LibC.TryLock(owner))
        {
            Remove(path);
            logger.LogInformation("Removed {Path}, left by a run that is dead", path);
        }
    }

    /// <summary>Only the files that are ours, and the one that tells dead from alive last: a removal cut short is finished by the next.</summary>
    private static void Remove(string path)
    {
        try
        {
            File.Delete(Path.Combine(path, StoreFileName));
            File.Delete(Path.Combine(path, OwnerFileName));
        }
        catch (DirectoryNotFoundException)
        {
            return;
        }
        RemoveEmpty(path);
    }

    private static void RemoveEmpty(string path)
    {
        try
        {
            Directory.Delete(path, recursive: false);
        }
        catch (DirectoryNotFoundException)
        {
            // Removed by another process at the same time.
        }
    }

    [GeneratedRegex(@"^teraio-[0-9]+-[0-9a-f]{16}$")]
    private static partial Regex OwnName();
}
