namespace TeraIO.Samples.GptTraining;

/// <summary>Text that can be read from its start any number of times, always the same.</summary>
internal interface ITextSource
{
    /// <summary>What the text is, for messages and to recognise it when training resumes.</summary>
    string Description { get; }

    /// <summary>Reads the text piece by piece without keeping it.</summary>
    IEnumerable<string> Pieces();
}
