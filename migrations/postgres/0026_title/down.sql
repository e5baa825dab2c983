DROP TABLE title;
