using TeraIO.Core;

namespace TeraIO.Samples.GptTraining;

/// <summary>A UTF-8 text file of the user's.</summary>
internal sealed class TextFile : ITextSource
{
    private readonly string _path;

    /// <exception cref="ConfigurationException">The file is missing or empty.</exception>
    public TextFile(string path)
    {
        _path = Path.GetFullPath(path);
        var file = new FileInfo(_path);
        if (!file.Exists)
            throw new ConfigurationException($"--data {path}: there is no such file. Name a UTF-8 text file, or leave --data out to train on the .NET documentation.");
        if (file.Length == 0)
            throw new ConfigurationException($"--data {path}: the file is empty.");
        Description = $"{file.Name} ({file.Length} bytes)";
    }

    public string Description { get; }

    public IEnumerable<string> Pieces()
    {
        using var reader = new StreamReader(_path);
        var buffer = new char[16 * 1024];
        for (int read; (read = reader.ReadBlock(buffer)) > 0;)
        {
            // Half a surrogate pair at the end of a piece would be encoded as a replacement character.
            if (char.IsHighSurrogate(buffer[read - 1]) && reader.Read() is var low and >= 0)
                yield return string.Concat(buffer.AsSpan(0, read), [(char)low]);
            else
                yield return new string(buffer, 0, read);
        }
    }
}
