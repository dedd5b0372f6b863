//! What operations do on servers that offer little, word by word. Compiled once for each driver.
