namespace TeraIO.Cli.Output;

/// <summary>A file that appears whole or not at all: it is written beside its place under another name, then renamed.</summary>
internal sealed class OutputFile
{
    private readonly bool _overwrites;

    private OutputFile(string path, bool overwrites)
    {
        Path = path;
        _overwrites = overwrites;
    }

    /// <summary>As the user named it.</summary>
    public string Path { get; }

    /// <summary>A file to be written.</summary>
    /// <exception cref="InputException">It exists and may not be overwritten, it is a directory, or there is no directory for it.</exception>
    public static OutputFile At(string path, bool overwrites)
    {
        if (Directory.Exists(path)) throw new InputException($"{path} is a directory; name a file.");
        if (!overwrites && File.Exists(path)) throw new InputException($"{path} exists; add --force to overwrite it.");
        string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        if (!Directory.Exists(directory)) throw new InputException($"There is no directory {directory} for {path}.");
        return new OutputFile(path, overwrites);
    }

    /// <summary>Writes it through a function that takes the path of a file that does not exist yet.</summary>
    public void Write(Action<string> write)
    {
        string full = System.IO.Path.GetFullPath(Path);
        // The extension stays last: writers may choose compression by it.
        string temporary = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(full)!, $".{Guid.NewGuid():N}-{System.IO.Path.GetFileName(full)}");
        try
        {
            write(temporary);
            File.Move(temporary, full, _overwrites);
        }
        catch (IOException) when (!_overwrites && File.Exists(full) && File.Exists(temporary))
        {
            throw new InputException($"{Path} has come into being meanwhile; add --force to overwrite it.");
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Writes it through a stream.</summary>
    public void Write(Action<Stream> write) => Write(path =>
    {
        using FileStream stream = File.Create(path);
        write(stream);
        stream.Flush(flushToDisk: true);
    });
}
